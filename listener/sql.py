"""The SQL files: the folder, and the names in the files filled in.

A file is a statement, a script, or the queries of a module: sections that begin with `-- name: paused`, as in aiosql.
(aiosql itself would be larger than this module, with 1,600 lines. aiosql takes each `:name` for a parameter, and gives
methods that run a query on a connection, where ours run behind a fence, or within a time limit.) psql runs each
statement alone, once the names are filled in; `\\bind` gives parameters.

A file may hold `{{name}}`, replaced literally, and `{{name:alias}}`, an expression over a row, where each `{row}`
becomes the alias: `{{student_key:new}}` becomes `new."id"`. A value of several lines is indented like the line that the
value begins; a line that is an empty value goes away. A dollar tag around a value that holds the same tag becomes
another tag. Lines between `--: if name` and `--: end` stay only where the name's value is `true`; `--: else` and
`--: unless name` say the opposite.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import chain, count
from pathlib import Path
from textwrap import dedent, indent

from listener.row_text import over

SECTION = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
TAG_OR_PLACEHOLDER = re.compile(r"(?P<tag>\$[a-z_]*\$)|\{\{(?P<name>\w+)(?::\w+)?\}\}")
CONDITION = re.compile(r" *--: (?:(?P<word>if|unless) (?P<name>\w+)|(?P<other>else|end))")
PLACEHOLDER = re.compile(r"\{\{(?P<name>\w+)(?::(?P<alias>\w+))?\}\}")
ALONE = re.compile(r" *\{\{(?P<name>\w+)(?::\w+)?\}\}")
QUOTE_OR_COMMENT = re.compile(r"'[^']*'|\"[^\"]*\"|--.*")
MAY_HOLD_LINES = re.compile(r"\\|/\*|\$\w*\$")
"""What may begin a string or a comment of several lines, beside quotes, or hide where a quote ends."""


@cache
def folder() -> Path:
    """The folder of SQL files: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


@cache
def read(name: str, section: str | None = None) -> str:
    """The text of a file, named from the folder: `feed/batch`; or of a section of a file."""
    if section is not None:
        return sections(name)[section]
    return (folder() / f"{name}.sql").read_text(encoding="utf-8").strip()


def migrations() -> list[str]:
    """Names of the files that make our tables, in order: each begins with a number."""
    return [f"schema/tables/{path.stem}" for path in sorted((folder() / "schema" / "tables").glob("*.sql"))]


@cache
def sections(name: str) -> dict[str, str]:
    """The sections of a file by name; none, if the file has no sections."""
    _, *parts = SECTION.split(read(name))
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def subquery(text: str) -> str:
    """A query without the final `;`: for a place within another statement."""
    return text.removesuffix(";")


def render(text: str, values: Mapping[str, str]) -> str:
    """`text` with placeholders filled in. Raises KeyError for a name that `values` lacks."""
    text = _chosen(text, values)

    def fill(match: re.Match[str]) -> str:
        value = values[match["name"]]
        value = value if match["alias"] is None else over(value, match["alias"])
        return _indented(value, match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()])

    return PLACEHOLDER.sub(fill, _with_other_tags(text, values))


def _indented(value: str, margin: str) -> str:
    """`value` with all lines at `margin`, if only spaces are in front of it. A text that may have a string of several
    lines stays as it is."""
    first, *others = value.split("\n")
    if not others or not margin.isspace() or MAY_HOLD_LINES.search(value) or any(map(_is_open, [first, *others])):
        return value
    return "\n".join((first, indent(dedent("\n".join(others)), margin)))


def _is_open(line: str) -> bool:
    """Whether the line begins a quote that another line ends."""
    rest = QUOTE_OR_COMMENT.sub("", line)
    return "'" in rest or '"' in rest


def _chosen(text: str, values: Mapping[str, str]) -> str:
    """The lines whose conditions hold, without lines that are an empty value."""
    chosen: list[str] = []
    hold: list[bool] = []
    for line in text.split("\n"):
        match = CONDITION.fullmatch(line)
        if match is None:
            alone = ALONE.fullmatch(line)
            if all(hold) and (alone is None or values[alone["name"]]):
                chosen.append(line)
        elif match["word"]:
            hold.append((values[match["name"]] == "true") == (match["word"] == "if"))
        else:
            last = hold.pop()
            hold += [not last] if match["other"] == "else" else []
    return "\n".join(chosen)


def _with_other_tags(text: str, values: Mapping[str, str]) -> str:
    """`text` with other dollar tags around placeholders whose values hold the present tag: any name may."""
    open_tags: list[str] = []
    taken: dict[str, str] = {}
    for match in TAG_OR_PLACEHOLDER.finditer(text):
        tag = match["tag"]
        if tag in open_tags:
            del open_tags[open_tags.index(tag) :]
        elif tag is not None:
            open_tags.append(tag)
        else:
            for around in open_tags:
                if around in values[match["name"]]:
                    taken[around] = taken.get(around, "") + values[match["name"]]
    for tag, held in taken.items():
        names = (f"${tag[1:-1]}_{number}$" for number in count(1))
        other = next(name for name in names if name not in held and name not in text)
        text = text.replace(tag, other)
    return text


def identifier(name: str) -> str:
    """`name` quoted as SQL writes an identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str, tag: str) -> str:
    """`text`, the end of a line, quoted readably, whatever the text."""
    marks = chain((f"${tag}$",), (f"${tag}{number}$" for number in count()))
    mark = next(mark for mark in marks if mark[:-1] not in text)  # nor may the text's end be the beginning of the mark
    return f"{mark}{text}{mark}"


def literal(value: str) -> str:
    """`value` quoted as an SQL string, under any `standard_conforming_strings`."""
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted
