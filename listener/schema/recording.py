"""Records of an installation for later: the rule, and the beginning of the history."""

import json
from collections.abc import Iterator

from listener import sql
from listener.mapping import history
from listener.mapping.mapping import Mapping
from listener.mapping.pinning import QUERY, RULE
from listener.mapping.rule_text import rule_text
from listener.sql import literal

ABOUT_THE_RULE = tuple(name for name in (*RULE, *QUERY) if name != "brake")
"""The brake stays as before, under any returning rule."""


def steps(mapping: Mapping, *, is_there: bool) -> Iterator[str]:
    """Statements of the script; `is_there`: something was installed before."""
    if mapping.enrolls:
        settings = {name: value for name, value in mapping.settings.items() if name in ABOUT_THE_RULE}
        values = {"rule_text": literal(rule_text(mapping)), "rule_settings": literal(json.dumps(settings))}
        yield sql.render(sql.read("schema/script/steps", "record_rule"), values)
    if history.is_kept(mapping):
        yield sql.read("schema/script/steps", "history_begins")
    elif is_there:
        yield sql.read("schema/script/steps", "history_ends")


def settings_of(rule: dict[str, str], installed: dict[str, str]) -> dict[str, str]:
    """The installed settings, with an earlier rule's settings in place of the present rule's."""
    lonely = () if "wanted_query" in rule else ("brake",)
    return {name: value for name, value in installed.items() if name not in (*ABOUT_THE_RULE, *lonely)} | rule
