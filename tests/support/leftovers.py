"""What a command left behind: files in its folder for temporary ones, and processes that still work there."""

from pathlib import Path


def leftovers(temporary: Path) -> list[str]:
    """Files that are still there, and command lines of processes that still work there."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(temporary) in command:
            processes.append(command)
    return [*map(str, temporary.iterdir()), *processes]
