"""Output of commands, for people and for pipes.

In a terminal, words are wrapped, and there are columns if there is room. In a pipe, in a narrow terminal, and with
TERM=dumb, each item is a line `name: text`; indented lines belong to the line above. Nothing is cut, no boxes are
drawn, and colour says nothing that words do not say: grep, cut and a screen reader get the same as a person.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from listener.texts import escaped

Cell: TypeAlias = str | Text

Row: TypeAlias = Sequence[Cell]

INDENT = " " * 4
GAP = "  "
ROOM = 24
"""Least columns for a long text."""


AFTER = {"full": "with a seat", "held": "when so many fit, or by `listener release`"}
"""For reasons to wait that have no next attempt; any other waits for a course."""


@dataclass(frozen=True)
class Item:
    name: str
    what: str
    details: tuple[str, ...] = ()
    verbatim: tuple[str, ...] = ()
    """Lines to be copied, at the end: never wrapped."""


def console() -> Console:
    return Console(highlight=False)


def width(output: Console) -> int | None:
    """Columns of the terminal. None in a pipe, or in a dumb terminal: lines are not wrapped."""
    return output.width if output.file.isatty() and not output.is_dumb_terminal else None


def literally(text: Cell) -> Text:
    """The text unchanged: no markup, and no control characters for a terminal."""
    plain = text.plain if isinstance(text, Text) else text
    return Text(escaped(plain), style=text.style if isinstance(text, Text) else "")


def tell(line: Cell, output: Console | None = None) -> None:
    """Print a line."""
    output = output or console()
    show(output, paragraph(literally(line), width(output)))


def show(output: Console, lines: Iterable[Text]) -> None:
    for line in lines:
        output.print(line, soft_wrap=True)


def show_items(title: str, items: Iterable[Item]) -> None:
    """A title, then a paragraph for each thing."""
    output = console()
    columns = width(output)
    show(output, paragraph(literally(Text(title, style="bold")), columns))
    for item in items:
        show(output, [Text(), *_item(item, columns)])


def show_rows(rows: Iterable[Row], header: Sequence[str] = (), title: str = "") -> None:
    output = console()
    if title:
        show(output, [*paragraph(literally(Text(title, style="bold")), width(output)), Text()])
    show(output, arranged(rows, header, width(output)))


def arranged(rows: Iterable[Row], header: Sequence[str], columns: int | None) -> list[Text]:
    """Rows side by side, if the terminal has room; else a line `first: second; name: third` each, or, if too long for a
    terminal, a line for each cell. `header` names the cells; without `header`, a row is a name and a value."""
    cells = [[literally(cell) for cell in row] for row in rows]
    if columns is not None and cells:
        named = [[_with_colon(row[0]), *row[1:]] for row in cells] if not header else cells
        table = [[Text(name, style="bold") for name in header], *named] if header else named
        widths = _widths(table, columns)
        if widths is not None:
            return [line for row in table for line in _side_by_side(row, widths)]
    styled = [(_named(row, header), row[1].style) for row in cells]
    if columns is not None and any(cell_len("; ".join(parts)) > columns for parts, _ in styled):
        return [line for parts, style in styled for line in _below_each_other(parts, style, columns)]
    return [Text("; ".join(parts), style=style) for parts, style in styled]


def paragraph(text: Text, columns: int | None, indent: str = "") -> list[Text]:
    """Lines of a text, with the second and later lines indented."""
    first, *others = wrapped(text.plain, columns)
    if others and columns is not None:
        others = wrapped(text.plain[len(first) :].lstrip(" "), columns - len(indent))
    return [Text(each, style=text.style) for each in (first, *(f"{indent}{other}" for other in others))]


def wrapped(text: str, columns: int | None) -> list[str]:
    """Lines of whole words. A word longer than a line is not cut."""
    if columns is None:
        return [text]
    lines: list[str] = []
    line, *others = words(text)
    for word in others:
        longer = f"{line} {word}"
        if line.strip() and cell_len(longer) > columns:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def words(text: str) -> list[str]:
    """Words of a text. Text between backquotes is a single word: a command to be copied."""
    found: list[str] = []
    for word in text.split(" "):
        if found and found[-1].count("`") % 2:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def _item(item: Item, columns: int | None) -> Iterator[Text]:
    head = paragraph(literally(f"{item.name} {item.what}"), columns, INDENT + GAP)
    head[0].stylize("bold", 0, len(item.name))
    yield from head
    for detail in item.details:
        yield from paragraph(literally(f"{INDENT}{detail}"), columns, INDENT + GAP)
    for line in item.verbatim:
        yield literally(f"{INDENT}{line}")


def _with_colon(name: Text) -> Text:
    return Text(f"{name.plain}:" if name.plain else "", style=name.style)


def _named(row: Sequence[Text], header: Sequence[str]) -> list[str]:
    first, second, *others = row
    begin = ": ".join(filter(None, (first.plain, second.plain))) if first.plain else f"{INDENT}{second.plain}"
    return [begin, *(f"{name}: {cell.plain}" for name, cell in zip(header[2:], others, strict=True) if cell.plain)]


def _below_each_other(parts: Sequence[str], style: str | Style, columns: int) -> Iterator[Text]:
    first, *others = parts
    yield from paragraph(Text(first, style=style), columns, INDENT + GAP)
    for each in others:
        yield from paragraph(Text(f"{INDENT}{each}"), columns, INDENT + GAP)


def _widths(table: Sequence[Sequence[Text]], columns: int) -> list[int] | None:
    """Widths of the columns; None if there is no room for all."""
    by_column = [[cell.plain for cell in column] for column in zip(*table, strict=True)]
    widths = [max(map(cell_len, texts)) for texts in by_column]
    longest_word = [max(cell_len(word) for text in texts for word in words(text)) for texts in by_column]
    # Names are not wrapped.
    least = [widths[0], *(max(word, min(all_, ROOM)) for word, all_ in zip(longest_word[1:], widths[1:], strict=True))]
    room = columns - len(GAP) * (len(widths) - 1)
    if sum(least) > room:
        return None
    while sum(widths) > room:
        slack = [now - needed for now, needed in zip(widths, least, strict=True)]
        widths[slack.index(max(slack))] -= 1
    return widths


def _side_by_side(row: Sequence[Text], widths: Sequence[int]) -> Iterator[Text]:
    wrapped_cells = [wrapped(cell.plain, columns) for cell, columns in zip(row, widths, strict=True)]
    for parts in zip_longest(*wrapped_cells, fillvalue=""):
        line = Text()
        for part, cell, columns in zip(parts, row, widths, strict=True):
            line.append(part, style=cell.style)
            line.append(" " * (columns - cell_len(part)) + GAP)
        line.rstrip()
        yield line
