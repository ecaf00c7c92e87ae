"""The fleet's folder: which files came, changed or went since the last look."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from listener.errors import WrongSetting
from listener.fleet.files import SUFFIX
from listener.settings import Settings

Mark = tuple[int, int, int, int]
"""Of a file's content. A link is followed: Kubernetes exchanges what it leads to."""


@dataclass
class Folder:
    path: Path
    _seen: dict[str, Mark] = field(default_factory=dict)
    _taken: dict[str, Mark] = field(default_factory=dict)

    def files(self) -> dict[str, Mark]:
        """By school. Raises OSError."""
        found = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):  # gone meanwhile, or a link to nowhere
                        found[entry.name.removesuffix(SUFFIX)] = _mark(entry)
        return found

    def take(self, found: dict[str, Mark], *, at_once: bool = False) -> tuple[list[str], list[str]]:
        """Schools whose file came or changed, and those whose file went. A file is taken once it was the same at two
        looks, unless `at_once`: it may be half written."""
        steady = {name for name, mark in found.items() if at_once or self._seen.get(name) == mark}
        changed = sorted(name for name in steady if self._taken.get(name) != found[name])
        gone = sorted(self._taken.keys() - found.keys())
        self._seen = found
        for name in changed:
            self._taken[name] = found[name]
        self.forget(gone)
        return changed, gone

    def forget(self, names: Iterable[str]) -> None:
        """Take these again at the next look."""
        for name in names:
            self._taken.pop(name, None)

    def file(self, name: str) -> Path:
        return self.path / f"{name}{SUFFIX}"


def readable(settings: Settings) -> Folder:
    """The one that is set. Raises WrongSetting."""
    if settings.fleet is None:
        raise WrongSetting(name="LISTENER_FLEET", problem="is missing: the folder of the schools' files")
    folder = Folder(settings.fleet)
    try:
        folder.files()
    except OSError as error:
        raise WrongSetting(
            name="LISTENER_FLEET", problem=f"{settings.fleet} cannot be read as a folder: {error.strerror}"
        ) from error
    return folder


def _mark(entry: os.DirEntry[str]) -> Mark:
    """Raises FileNotFoundError."""
    try:
        return mark(entry)
    except FileNotFoundError:
        raise
    except OSError:  # to read it will say why
        return (0, 0, 0, 0)


def mark(file: "os.DirEntry[str] | Path") -> Mark:
    """Raises OSError."""
    status = file.stat()
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
