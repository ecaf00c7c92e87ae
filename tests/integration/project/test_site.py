"""The docs as a site: built strictly, so that no link is dead and no page is an orphan; and found by searching."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.project import ROOT

pytestmark = pytest.mark.skipif(find_spec("material") is None, reason="the extra `docs` is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as it would be published."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert built.stdout + built.stderr == ""
    return folder


def test_every_page_is_on_the_site_and_in_its_navigation(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md") if page.name != "README.md"]
    assert len(pages) > 30
    for page in pages:
        assert (site / page.with_suffix("") / "index.html").is_file()
        assert f'href="{page.with_suffix("").as_posix()}/"' in front, page


def test_what_people_look_for_is_found_by_searching(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    for word, page in (("brake", "how-to/change-a-rule/"), ("LISTENER_BATCH_SIZE", "settings/"), ("Neon", "how-to/")):
        found = {each["location"].partition("#")[0] for each in index if word in each["title"] + each["text"]}
        assert [each for each in found if each.startswith(page)], word


def test_files_of_the_repository_are_named_where_the_site_cannot_link_them(site: Path) -> None:
    page = (site / "security" / "index.html").read_text(encoding="utf-8")
    assert "<code>sql/catalogue/doors.sql</code> in the repository" in page
    for path in site.rglob("index.html"):
        assert not re.search(r'href="[^"]*\.(?:md|sql|toml)["#]', path.read_text(encoding="utf-8")), path
