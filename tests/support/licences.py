"""The licences of what the image holds besides the project, from the packages' own metadata."""

import re
from importlib.metadata import metadata

from tests.support.project import ROOT

REQUIREMENTS = ROOT / "requirements.txt"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==[^;\\]+(?P<elsewhere>; sys_platform == 'win32')?", re.MULTILINE)
CLASSIFIERS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
}


def licence(package: str) -> str:
    """The SPDX expression of an installed package's licence, as it says itself. Raises ValueError if it does not."""
    about = metadata(package)
    classified = [CLASSIFIERS[each] for each in about.get_all("Classifier", []) if each in CLASSIFIERS]
    expressions: list[str] = about.get_all("License-Expression", [])
    texts: list[str] = about.get_all("License", [])
    for said in (*expressions, " OR ".join(classified), *texts):
        if 0 < len(said) < 40:
            return said
    raise ValueError(f"{package} does not say what its licence is")


def rows() -> list[str]:
    """A row of a table for each package that the image's requirements pin."""
    names = [
        match["name"] for match in PIN.finditer(REQUIREMENTS.read_text(encoding="utf-8")) if not match["elsewhere"]
    ]
    return [f"| {name} | {licence(name)} |" for name in names]
