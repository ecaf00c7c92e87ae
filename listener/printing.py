"""What commands print, for people and for what they pipe it into.

In a terminal, whole words are wrapped at its width, and what belongs side by side stands in columns if there is room.
In a pipe, in a narrow terminal, and where TERM says that the terminal can do no more (TERM=dumb), each thing is a line
`name: what`, and what is indented belongs to the line above. Nothing is ever cut, no boxes are drawn, and colour says
nothing that words do not say: grep, cut and a screen reader get the same as everybody else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

Cell: TypeAlias = str | Text
"""Somebody else's text as it is, or a text with a style."""

Row: TypeAlias = Sequence[Cell]

INDENT = " " * 4
GAP = "  "
ROOM = 24
"""Columns of the terminal that a text needs to be read in, if it is that long."""


@dataclass(frozen=True)
class Item:
    """One thing with all that is to be said about it."""

    name: str
    what: str
    details: tuple[str, ...] = ()
    verbatim: tuple[str, ...] = ()
    """Lines that somebody may copy as a whole, at the end: they are never wrapped."""


def console() -> Console:
    """Standard output, as wide as it is."""
    return Console(highlight=False)


def width(output: Console) -> int | None:
    """Columns of the terminal. None where lines are as long as they are: in a pipe, or in a dumb terminal."""
    return output.width if output.file.isatty() and not output.is_dumb_terminal else None


def literally(text: Cell) -> Text:
    """Somebody else's text as it is: no markup in it, and nothing that a terminal would act on."""
    plain = text.plain if isinstance(text, Text) else text
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in plain)
    return Text(shown, style=text.style if isinstance(text, Text) else "")


def tell(line: Cell, output: Console | None = None) -> None:
    """One line of what is, or was, done; to standard output, if to no other."""
    output = output or console()
    show(output, paragraph(literally(line), width(output)))


def show(output: Console, lines: Iterable[Text]) -> None:
    """Print lines as they are, each of them uncut."""
    for line in lines:
        output.print(line, soft_wrap=True)


def show_items(title: str, items: Iterable[Item]) -> None:
    """A paragraph for each thing, below a title."""
    output = console()
    columns = width(output)
    show(output, paragraph(Text(title, style="bold"), columns))
    for item in items:
        show(output, [Text(), *_item(item, columns)])


def show_rows(rows: Iterable[Row], header: Sequence[str] = (), title: str = "") -> None:
    """Things that have the same to be said about them."""
    output = console()
    if title:
        show(output, [*paragraph(Text(title, style="bold"), width(output)), Text()])
    show(output, arranged(rows, header, width(output)))


def arranged(rows: Iterable[Row], header: Sequence[str], columns: int | None) -> list[Text]:
    """Rows side by side in a terminal with room for it; else a line `first: second; name: third` each, or, if these are
    too long for a terminal, a line for each cell. The names are those of the header; without one there are two columns,
    a name and what it is."""
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
    """The lines of a text, the second and the next ones indented."""
    first, *others = wrapped(text.plain, columns)
    if others and columns is not None:
        others = wrapped(text.plain[len(first) :].lstrip(" "), columns - len(indent))
    return [Text(each, style=text.style) for each in (first, *(f"{indent}{other}" for other in others))]


def wrapped(text: str, columns: int | None) -> list[str]:
    """Lines of whole words. A word that is longer than a line has one to itself, and is not cut."""
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
    """The words of a text. What stands between backquotes is one: a command that somebody will copy."""
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
    """All that is said of something, each with its name."""
    first, second, *others = row
    begin = f"{first.plain}: {second.plain}" if first.plain else f"{INDENT}{second.plain}"
    return [begin, *(f"{name}: {cell.plain}" for name, cell in zip(header[2:], others, strict=True) if cell.plain)]


def _below_each_other(parts: Sequence[str], style: str | Style, columns: int) -> Iterator[Text]:
    first, *others = parts
    yield from paragraph(Text(first, style=style), columns, INDENT + GAP)
    for each in others:
        yield from paragraph(Text(f"{INDENT}{each}"), columns, INDENT + GAP)


def _widths(table: Sequence[Sequence[Text]], columns: int) -> list[int] | None:
    """How wide each column is to be; None if there is no room for all."""
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
