"""Splits a script, as psql takes a script, into statements."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from listener.texts import one_line

TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*)
    |(?P<open>/\*)
    |(?P<text>\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?<![\w$])(?P<dollar>\$(?:[^\W\d]\w*)?\$)
    |(?P<end>;)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<meta>\\)
    """,
    re.VERBOSE | re.DOTALL,
)
IN_COMMENT = re.compile(r"/\*|\*/")
ROUTINE = re.compile(r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)
ATOMIC = re.compile(r"\batomic\b", re.IGNORECASE)
COPIED = re.compile(r"copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
END_OF_ROWS = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE)
LONGEST_TOLD = 80


@dataclass(frozen=True)
class Statement:
    text: str
    """Without the comments before, and without the `;`."""
    source: str
    """Name of the file."""
    line: int
    rows: str | None = None
    """Rows that follow a COPY."""

    @property
    def words(self) -> str:
        """The beginning in small letters, with single spaces."""
        return " ".join(without_comments(self.text[:400]).lower().split())

    @property
    def where(self) -> str:
        """For people."""
        return f"{self.source}, line {self.line}: {one_line(without_comments(self.text), LONGEST_TOLD)}"


def statements(text: str, source: str) -> Iterator[Statement]:
    """psql's own commands are left out: a stranger's script runs nothing on this machine."""
    at, line, counted = 0, 1, 0
    while (begin := _beginning(text, at)) < len(text):
        if text[begin] == "\\":
            at = _after_line(text, begin)
            continue
        line += text.count("\n", counted, begin)
        counted = begin
        end = _end(text, begin)
        statement = text[begin:end].rstrip()
        at = end + 1
        if COPIED.match(statement):
            first = _after_line(text, at)
            last = END_OF_ROWS.search(text, first)
            stop = len(text) if last is None else last.start()
            yield Statement(statement, source, line, rows=text[first:stop])
            at = len(text) if last is None else last.end()
        elif statement:
            yield Statement(statement, source, line)


def without_comments(text: str, becomes: str = " ") -> str:
    """Without SQL comments; texts in quotes are left alone."""
    parts, at = [], 0
    for begin, end in _comments(text):
        parts += [text[at:begin], becomes]
        at = end
    return "".join([*parts, text[at:]]).strip()


def _comments(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while (token := TOKEN.search(text, at)) is not None:
        at = _after(text, token)
        if token["comment"] or token["open"]:
            yield token.start(), at


def _beginning(text: str, at: int) -> int:
    """Where the next statement begins."""
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is not None and (token["comment"] or token["open"]):
            at = _after(text, token)
        elif text[at].isspace() or text[at] in ";\ufeff":
            at += 1
        else:
            break
    return at


def _end(text: str, begin: int) -> int:
    """Where the `;` is that ends the statement that begins there, or the text."""
    at, depth = begin, 0
    is_routine = ROUTINE.match(text, begin) is not None
    while (token := TOKEN.search(text, at)) is not None:
        at = _after(text, token)
        word = (token["word"] or "").lower()
        if token["end"] and depth == 0:
            return token.start()
        if is_routine and word == "begin" and ATOMIC.match(text, _beginning(text, at)):
            depth = 1
        elif depth and word == "case":
            depth += 1
        elif depth and word == "end":
            depth -= 1
    return len(text)


def _after(text: str, token: re.Match[str]) -> int:
    """The end of the text that begins with `token`."""
    if token["dollar"]:
        end = text.find(token["dollar"], token.end())
        return len(text) if end < 0 else end + len(token["dollar"])
    if not token["open"]:
        return token.end()
    at, depth = token.end(), 1
    while depth:
        mark = IN_COMMENT.search(text, at)
        if mark is None:
            return len(text)
        depth += 1 if mark[0] == "/*" else -1
        at = mark.end()
    return at


def _after_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
