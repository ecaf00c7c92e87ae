"""What is deployed by hand: compose, Kubernetes, systemd, workflows. No engine is needed to see that they are sound."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from listener.settings import check_names
from tests.support.project import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DEFINED_ELSEWHERE = {"kustomization.yaml", "podmonitor.yaml"}
DEPLOYED = [
    ROOT / "Dockerfile",
    ROOT / "compose.yaml",
    ROOT / "deploy" / "systemd" / "listener.service",
    *sorted(KUBERNETES.glob("*.yaml")),
]


def check(*command: str | Path) -> None:
    """Run one of the checkers; fail with what it says."""
    done = subprocess.run(
        [Path(sys.executable).with_name(str(command[0])), *command[1:]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def load(path: Path) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_workflows_fit_their_schema() -> None:
    assert WORKFLOWS
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_what_proposes_newer_actions_fits_its_schema() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github" / "dependabot.yml")


def test_workflows_give_nothing_away_and_run_no_action_that_can_change_under_its_name() -> None:
    check("zizmor", "--offline", "--quiet", ROOT / ".github")


def test_who_reads_a_workflow_sees_which_release_each_pinned_commit_is() -> None:
    uses = [line for path in WORKFLOWS for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert uses
    for line in uses:
        assert re.fullmatch(r"[ -]*uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_compose_file_fits_its_schema() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml")


def test_kubernetes_manifests_fit_their_schemas() -> None:
    manifests = [path for path in sorted(KUBERNETES.glob("*.yaml")) if path.name not in DEFINED_ELSEWHERE]
    check("kubernetes-validate", "--strict", *manifests)


def test_kustomization_names_every_manifest() -> None:
    named = set(load(KUBERNETES / "kustomization.yaml")["resources"])
    assert named == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}


def test_compose_mounts_files_that_exist() -> None:
    mounts = [
        mount.split(":")[0]
        for service in load(ROOT / "compose.yaml")["services"].values()
        for mount in service.get("volumes", [])
    ]
    assert mounts
    for mount in mounts:
        assert (ROOT / mount).exists(), mount


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: path.name)
def test_only_settings_that_exist_are_set(path: Path) -> None:
    check_names(re.findall(r"\bLISTENER_[A-Z_]+", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["deployment.yaml", "install.yaml"])
def test_pods_meet_the_restricted_profile(name: str) -> None:
    pod = load(KUBERNETES / name)["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_pods_are_found_by_what_selects_them() -> None:
    labels = load(KUBERNETES / "deployment.yaml")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        load(KUBERNETES / "deployment.yaml")["spec"]["selector"],
        load(KUBERNETES / "poddisruptionbudget.yaml")["spec"]["selector"],
        load(KUBERNETES / "podmonitor.yaml")["spec"]["selector"],
        load(KUBERNETES / "networkpolicy.yaml")["spec"]["podSelector"],
    ]
    for selector in selectors:
        assert selector["matchLabels"].items() <= labels
