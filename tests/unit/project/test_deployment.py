"""What is deployed by hand: compose, Kubernetes, systemd, workflows. No engine is needed to see that they are sound."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from listener import __version__
from listener.cli import COMMANDS
from listener.settings import check_names
from tests.support.project import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DEFINED_ELSEWHERE = {"kustomization.yaml", "podmonitor.yaml"}
DEPLOYED = [
    ROOT / "Dockerfile",
    ROOT / "compose.yaml",
    ROOT / "deploy" / "systemd" / "listener.service",
    ROOT / "deploy" / "systemd" / "fleet.conf",
    *sorted(KUBERNETES.glob("*.yaml")),
]

KUBECTL = shutil.which("kubectl")

needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed, which builds kustomizations")


def check(*command: str | Path) -> None:
    """Run one of the checkers; fail with what it says."""
    done = subprocess.run(
        [Path(sys.executable).with_name(str(command[0])), *command[1:]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def printed(*command: str | Path) -> str:
    """What another program prints; fail with what it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def compose() -> list[str] | None:
    """Compose's command, from its version 2 on. It reads its file without an engine."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is not None:
            done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
            if done.returncode == 0 and int(done.stdout.strip().lstrip("v").split(".")[0]) >= 2:
                return command
    return None


def built(folder: Path) -> list[dict[str, Any]]:
    """The manifests that a kustomization makes."""
    return list(yaml.safe_load_all(printed(str(KUBECTL), "kustomize", folder)))


def images(manifests: list[dict[str, Any]]) -> set[str]:
    """The images of all containers in there."""
    pods = [manifest["spec"]["template"]["spec"] for manifest in manifests if "template" in manifest.get("spec", {})]
    return {container["image"] for pod in pods for container in pod["containers"]}


def load(path: Path) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_workflows_fit_their_schema() -> None:
    assert WORKFLOWS
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_what_proposes_newer_actions_fits_its_schema() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github" / "dependabot.yml")


def test_forms_for_issues_fit_their_schema_and_name_commands_that_there_are() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    check(
        "check-jsonschema", "--builtin-schema", "vendor.github-issue-config", *[f for f in forms if f.stem == "config"]
    )
    check(
        "check-jsonschema", "--builtin-schema", "vendor.github-issue-forms", *[f for f in forms if f.stem != "config"]
    )
    named = set(re.findall(r"listener ([a-z]+)", " ".join(form.read_text(encoding="utf-8") for form in forms)))
    assert named >= {"explain", "try"}
    assert named <= set(COMMANDS)


def test_workflows_give_nothing_away_and_run_no_action_that_can_change_under_its_name() -> None:
    check("zizmor", "--offline", "--quiet", ROOT / ".github")


def test_who_reads_a_workflow_sees_which_release_each_pinned_commit_is() -> None:
    uses = [line for path in WORKFLOWS for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert uses
    for line in uses:
        assert re.fullmatch(r"[ -]*uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_compose_file_fits_its_schema() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml")


def test_compose_understands_its_file_as_it_is_meant() -> None:
    command = compose()
    if command is None:
        pytest.skip("docker compose is not installed, from version 2 on")
    config = json.loads(printed(*command, "--file", ROOT / "compose.yaml", "config", "--format", "json"))
    services = config["services"]
    ours = {name for name, service in services.items() if service["image"] == services["install"]["image"]}
    assert ours == {"install", "listener", "sync"}
    for name in ours:
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
    assert services["listener"]["deploy"]["replicas"] == 2
    assert services["listener"]["depends_on"]["install"]["condition"] == "service_completed_successfully"
    assert services["install"]["build"]["context"] == str(ROOT)
    (ports,) = services["listener"]["ports"]
    assert (ports["host_ip"], ports["published"], ports["target"]) == ("127.0.0.1", "9432-9433", 9432)
    for service in services.values():
        for volume in service.get("volumes", []):
            assert volume["read_only"] is True
            assert Path(volume["source"]).exists()


@needs_kubectl
def test_kustomization_makes_manifests_that_fit_and_find_each_other(tmp_path: Path) -> None:
    manifests = built(KUBERNETES)
    assert len(manifests) == len(load(KUBERNETES / "kustomization.yaml")["resources"])
    assert images(manifests) == {f"enrollment-listener:{__version__}"}
    known = tmp_path / "built.yaml"
    known.write_text(yaml.safe_dump_all(each for each in manifests if each["kind"] != "PodMonitor"), encoding="utf-8")
    check("kubernetes-validate", "--strict", known)
    (deployment,) = (each for each in manifests if each["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    for manifest in manifests:
        selector = manifest.get("spec", {}).get("selector", {}).get("matchLabels", {})
        assert selector.items() <= labels, manifest["kind"]


@needs_kubectl
def test_overlay_of_the_how_to_puts_all_of_it_in_its_namespace_with_its_image(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "kubernetes.md").read_text(encoding="utf-8")
    overlay = re.search(r"^   ```yaml\n(.*?)^   ```$", page, re.MULTILINE | re.DOTALL)
    assert overlay is not None
    shutil.copytree(KUBERNETES, tmp_path / "enrollment-listener" / "deploy" / "kubernetes")
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(overlay[1].replace("\n   ", "\n").removeprefix("   "), encoding="utf-8")
    manifests = built(folder)
    assert {each["metadata"]["namespace"] for each in manifests} == {"lms"}
    assert images(manifests) == {f"registry.example.com/enrollment-listener:{__version__}"}
    (job,) = (each["spec"]["template"]["spec"]["containers"][0] for each in manifests if each["kind"] == "Job")
    assert job["args"] == ["install", "--grant-to", "enrollment_daemon"]


@needs_kubectl
def test_overlay_for_a_fleet_has_a_folder_in_place_of_an_address(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "fleet.md").read_text(encoding="utf-8")
    overlay = re.search(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert overlay is not None
    shutil.copytree(KUBERNETES, tmp_path / "enrollment-listener" / "deploy" / "kubernetes")
    folder = tmp_path / "overlay"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(overlay[1], encoding="utf-8")
    manifests = {each["kind"]: each for each in built(folder)}
    for kind, arguments, secret in (
        ("Deployment", ["run"], "listener-schools"),
        ("Job", ["fleet", "install"], "listener-owners"),
    ):
        pod = manifests[kind]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["args"] == arguments
        assert container["env"] == [{"name": "LISTENER_FLEET", "value": "/etc/listener"}]
        assert pod["volumes"][0]["secret"]["secretName"] == secret
        assert "/etc/listener" in {mount["mountPath"] for mount in container["volumeMounts"]}


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


def test_what_the_release_is_made_of_is_pinned_by_what_is_in_it() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = dict(re.findall(r"^FROM (\S+) AS (\S+)$", dockerfile, re.MULTILINE))
    images = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    (base,) = re.findall(r"^ARG BASE_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    from_outside = [each for each in images if each not in ("${BASE_IMAGE}", *stages.values())]
    assert base in stages.values()
    assert from_outside
    for image in from_outside:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), image
    for text in (dockerfile, *(path.read_text(encoding="utf-8") for path in WORKFLOWS if path.stem == "release")):
        installs = re.findall(r"\bpip\b[^\n&]* install [^&\n\\]*", text)
        assert installs
        for command in installs:
            assert "--require-hashes" in command or "--no-index" in command, command
        for command in re.findall(r"python -m build\b[^\n]*|\bpip wheel\b[^\n]*", text):
            assert re.search(r"--no-(build-)?isolation\b", command), command


def test_newer_versions_of_everything_that_is_pinned_are_proposed() -> None:
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]
    kinds = {each["package-ecosystem"] for each in updates}
    assert kinds == {"github-actions", "docker", "docker-compose", "pip"}
    for each in updates:
        assert each["directory"] == "/"
        assert each["cooldown"]["default-days"] >= 7
