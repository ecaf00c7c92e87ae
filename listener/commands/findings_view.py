"""Findings and plans, as text."""

from collections.abc import Collection, Iterable

from listener.commands.printing import Item, show_items, tell
from listener.inspection.diagnosis import Diagnosis, Finding
from listener.mapping.mapping import Mapping
from listener.repair.dry_run import Todo, first, left, shown_examples, would_do


def show_titled(title: str, findings: Iterable[Finding]) -> None:
    """Findings, each with examples, and the command to mend."""
    show_items(
        title,
        [Item(f"{each.code}:", _told(each), shown_examples(each), (f"mend with: {each.mend}",)) for each in findings],
    )


def _told(finding: Finding) -> str:
    since = "" if finding.since is None else f", since {finding.since[:19].replace('T', ' ')} UTC"
    return f"{finding}{since}{f' ({finding.do})' if finding.do else ''}"


def show_findings(findings: Collection[Finding]) -> None:
    if findings:
        show_titled("What is not as it should be", findings)
    else:
        tell("in sync: nothing to mend")


def show_plan(title: str, todos: Iterable[Todo]) -> None:
    """Things to do, in order, with examples and statements."""
    items = []
    for number, todo in enumerate(todos, 1):
        statements = tuple(line for each in todo.statements for line in each.splitlines())
        items.append(Item(f"{number}.", todo.what, todo.examples, statements))
    show_items(title, items)


def foretell(diagnosis: Diagnosis, mapping: Mapping, paused: str | None, *, with_structure: bool) -> None:
    """The plan of `sync`, with necessary steps before and after."""
    command = "listener sync --structure" if with_structure else "listener sync"
    obstacles = first(diagnosis)
    todos = would_do(diagnosis, mapping, with_structure=with_structure)
    if obstacles:
        show_titled(f"What has to be done first: until then `{command}` does nothing", obstacles)
        tell("")
    elif paused is not None:
        tell(f"`{command}` does nothing for now: {paused}")
        tell("")
    if todos:
        show_plan(f"What `{command}` would do, in this order", todos)
        tell("")
    elif not obstacles:
        tell(f"`{command}` has nothing to do.")
        tell("")
    remaining = [each for each in left(diagnosis, with_structure=with_structure) if not paused or each.code != "paused"]
    if remaining:
        show_titled("What it would not mend", remaining)
        tell("")
    tell("Nothing was changed.")
