"""A schema as text to share: structure alone, without data, comments, and people's names."""

import re

from listener.build import VERSION
from listener.catalogue.catalogue import LITERAL
from listener.discovery import vocabulary, wording
from listener.errors import ListenerError
from listener.settings import PREFIX
from listener.sql import literal
from listener.trial.statements import statements, without_comments

DOLLARS = re.compile(r"(\$(?:[^\W\d]\w*)?\$)(.*?)\1", re.DOTALL)
TEXT = re.compile(r"(?<!\w)'(?:[^']|'')*'(?P<type>\s*::\s*[\w.\" ]+)?")
LETTER = re.compile(r"[^\W\d_]")
IDENTIFIER = re.compile(r"[\w.]+")
LISTED = re.compile(r"(?:create type .* as enum|check \(|\bdefault ')", re.IGNORECASE | re.DOTALL)
STATE = re.compile(r"[\w -]{1,40}")
OF_PERSONS = re.compile(r"@|\w+\s+\w+\s+\w+|[0-9a-f]{8}-[0-9a-f]{4}-|[+\d][\d ()/-]{6,}\d|://", re.IGNORECASE)
"""Addresses, sentences, keys, numbers of telephones: never the name of a state."""
POLICY = re.compile(r'^CREATE POLICY (?:"(?:[^"]|"")*"|\w+) ON ')
"""The name may read like a sentence."""
TABLES = ("create table", "create type", "create view", "create schema")
OF_SESSION = ("set ", "select ")
KNOWN = frozenset(word for each in vars(vocabulary).values() if isinstance(each, tuple | frozenset) for word in each)
"""Words that stand for a state, a role or the like in any school."""
TYPES_AS_THEY_ARE = re.compile(
    r"regclass|regproc|regtype|regconfig|interval|date|time|bytea|oid|\bbit\b", re.IGNORECASE
)
COMPOSITES = re.compile(r"json|\[\]", re.IGNORECASE)


def written(dump: str, settings: dict[str, str], failed: ListenerError | None = None) -> str:
    """The dump with all texts replaced that are no word of the structure's own."""
    masked = Masked(_names(dump) | _states(dump))
    head = [f"-- Written by `listener try --report`, enrollment-listener {VERSION}: structure alone."]
    head += [f"-- {PREFIX}{name.upper()}={masked.text(value)}" for name, value in sorted(settings.items())]
    head += [] if failed is None else [f"-- {masked.text(without_comments(str(failed)))}"]
    kept = [each.text for each in statements(dump, "dump") if not each.words.startswith(OF_SESSION)]
    body = [
        f"{POLICY.sub(f'CREATE POLICY policy_{number} ON ', masked.text(without_comments(each)))};"
        for number, each in enumerate(kept)
    ]
    return "\n".join([*head, "set check_function_bodies = off;", *body]) + "\n"


def _names(dump: str) -> set[str]:
    """Names of tables and columns."""
    tables = [each.text for each in statements(dump, "dump") if each.words.startswith(TABLES)]
    return {name for each in tables for name in IDENTIFIER.findall(LITERAL.sub("", each))}


def _states(dump: str) -> set[str]:
    """The texts that a column may hold, or holds unless told otherwise: words of the structure."""
    found = set()
    for each in statements(dump, "dump"):
        for line in each.text.splitlines() if not each.words.startswith("create type") else [each.text]:
            if LISTED.search(line):
                found |= {
                    text for text in LITERAL.findall(line) if STATE.fullmatch(text) and not OF_PERSONS.search(text)
                }
    return found


class Masked:
    def __init__(self, known: set[str]) -> None:
        self._known = known
        self._given: dict[str, str] = {}

    def text(self, sql: str) -> str:
        """SQL with texts masked; dollar-quoted code, too, without comments."""
        parts, at = [], 0
        for found in DOLLARS.finditer(sql):
            parts.append(TEXT.sub(self._masked, sql[at : found.start()]))
            inner = TEXT.sub(self._masked, without_comments(found[2]))
            parts.append(f"{found[1]}{inner}{found[1]}")
            at = found.end()
        return "".join([*parts, TEXT.sub(self._masked, sql[at:])])

    def _masked(self, found: re.Match[str]) -> str:
        kind = found["type"] or ""
        whole = found[0].removesuffix(kind)
        text = whole[1:-1].replace("''", "'")
        if self._is_structure(text) or TYPES_AS_THEY_ARE.search(kind):
            return found[0]
        if COMPOSITES.search(kind):
            return f"'{{}}'{kind}"
        if "uuid" in kind:
            return f"'{self._number(text):032x}'{kind}"
        return literal(f"text {self._number(text)}").strip() + kind

    def _is_structure(self, text: str) -> bool:
        if OF_PERSONS.search(text):
            return False
        return LETTER.search(text) is None or text in self._known or wording.fold(text) in KNOWN

    def _number(self, text: str) -> int:
        self._given.setdefault(text, str(len(self._given) + 1))
        return int(self._given[text])
