"""Findings, and the plan of what would be done about them, as people read them."""

from collections.abc import Collection, Iterable

from listener.adapter.mapping import Mapping
from listener.printing import Item, show_items, tell
from listener.repair.diagnosis import Diagnosis, Finding
from listener.repair.dry_run import Todo, first, left, shown_examples, would_do


def show_titled(title: str, findings: Iterable[Finding]) -> None:
    """Findings, each with a few of those whom it is about, and the command that mends it."""
    show_items(
        title,
        [Item(f"{each.code}:", str(each), shown_examples(each), (f"mend with: {each.mend}",)) for each in findings],
    )


def show_findings(findings: Collection[Finding]) -> None:
    """What stops or spoils the listener's work, if anything does."""
    if findings:
        show_titled("What is not as it should be", findings)
    else:
        tell("in sync: nothing to mend")


def show_plan(title: str, todos: Iterable[Todo]) -> None:
    """What is to be done, in order, each thing with examples and the statements that do it."""
    items = []
    for number, todo in enumerate(todos, 1):
        statements = tuple(line for each in todo.statements for line in each.splitlines())
        items.append(Item(f"{number}.", todo.what, todo.examples, statements))
    show_items(title, items)


def foretell(diagnosis: Diagnosis, mapping: Mapping, paused: str | None, *, with_structure: bool) -> None:
    """What `sync` would do, and what has to be done before and after."""
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
