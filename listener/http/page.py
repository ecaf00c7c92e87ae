"""The status page, and the figures that refresh the page.

No names, and keys only behind a password; nothing here asks the database.
"""

import base64
import hashlib
import html
import re
import time
from dataclasses import asdict, dataclass
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from listener.build import VERSION
from listener.instruments.sample import COUNTED
from listener.instruments.state import Role, State
from listener.numerals import counted

WAITS_SECONDS = 10.0
"""A change that has waited for longer is mentioned."""

SAID_BELOW = ("feed_lag", "students_refused", "course_locked")
"""Problems with a headline of their own."""

Mood = Literal["good", "idle", "warning", "bad"]


@dataclass(frozen=True)
class Headline:
    mood: Mood
    text: str
    detail: str = ""


def headline(state: State, longest: float) -> Headline:
    """The most important fact. `longest`: seconds that the loop may take without progress."""
    stalled = state.stalled_for()
    problem = state.why_not_ready()
    if stalled > longest:
        return Headline("bad", "Stalled", f"The loop has made no progress for {stalled:.0f} s.")
    if state.role is Role.STARTING:
        return Headline("warning", "Starting", f"{problem}.")
    if state.role is Role.STOPPING:
        return Headline("warning", "Stopping", "Changes wait in the feed for the next daemon.")
    if state.role is Role.DISCONNECTED:
        return Headline(
            "bad",
            "No connection to the database",
            f"{problem}. Sign-ups do not need this daemon: what happens meanwhile waits in the feed.",
        )
    if problem is not None:
        return Headline("bad", "Deaf", f"{problem[:1].upper()}{problem[1:]}.")
    if state.role is Role.STANDING_BY:
        return Headline("idle", "Standing by", "Another daemon leads; this one takes over if it goes.")
    return _leading(state)


def _leading(state: State) -> Headline:
    paused = state.paused_now()
    if paused:
        since = min(each.since for each in state.paused)
        return Headline(
            "warning",
            f"Leading; {' and '.join(paused)} paused",
            f"Since {since.astimezone(UTC):%F %H:%M} UTC what is noted waits. "
            f'The command "listener resume {paused[0]}" lets it go on.',
        )
    remark = state.remark()
    if remark is not None:
        return Headline("warning", "Leading", f"{remark[:1].upper()}{remark[1:]}.")
    worst = next((each for each in state.problems() if each.code not in SAID_BELOW), None)
    if worst is not None:
        said = f"{worst.what}{': ' if worst.to_anybody else ''}{worst.to_anybody}. {worst.kind.do}"
        mood: Mood = "bad" if worst.severity == "error" else "warning"
        return Headline(mood, f"Leading; {worst.code.replace('_', ' ')}", f"{said[:1].upper()}{said[1:]}.")
    sample = state.sample
    if sample is not None and sample.backlog and sample.lag_seconds > WAITS_SECONDS:
        return Headline("warning", "Catching up", f"The oldest change has waited for {sample.lag_seconds:.0f} s.")
    waiting = sum(sample.pending_students.values()) if sample is not None else 0
    if waiting:
        students = counted(waiting, "student waits", f"students {'or more ' if waiting >= COUNTED else ''}wait")
        return Headline(
            "warning", f"Leading; {students}", 'The command "listener pending" says why, and when it is tried again.'
        )
    return Headline("good", "Leading", "New students are enrolled as they sign up.")


def figures(state: State, longest: float, *, keys: bool) -> dict[str, Any]:
    """With `keys` of students and courses, or without. Times are Unix seconds of this machine's clock, as `now` is."""
    now, monotonic = time.time(), time.monotonic()
    sample = state.sample
    return {
        "version": VERSION,
        "now": now,
        "role": state.role,
        "since": state.since,
        "headline": asdict(headline(state, longest)),
        "problems": [each.to_dict_for_anybody() for each in state.problems()],
        "paused": state.paused_now(),
        "heartbeat_at": None if state.heartbeat_at is None else now - (monotonic - state.heartbeat_at),
        "sample": None
        if sample is None or state.sample_at is None
        else {
            "at": now - (monotonic - state.sample_at),
            "standbys": sample.standbys,
            "backlog": sample.backlog,
            "paused_backlog": sample.paused_backlog,
            "backlog_estimated": sample.backlog >= COUNTED,
            "oldest_unhandled_seconds": sample.lag_seconds,
            "pending_students": sample.pending_students,
            "pending_counts": sample.pending_counts,
            "held": sample.held,
            "counted_up_to": COUNTED,
            "oldest_transaction_seconds": sample.oldest_transaction_seconds,
        },
        "courses": _courses(state, keys=keys),
        "activity": _with_titles(state, state.activity.to_dict(keys=keys)),
    }


def _courses(state: State, *, keys: bool) -> dict[str, Any] | None:
    """The last audit's figures, under a rule by query."""
    if state.courses is None or state.role is not Role.LEADING:
        return None
    return {
        "at": state.courses.at,
        "count": state.courses.count,
        "rows": [state.titles.beside(each) if keys else each | {"course_id": None} for each in state.courses.rows],
    }


def _with_titles(state: State, activity: dict[str, Any]) -> dict[str, Any]:
    latest = activity["latest"]
    return activity if latest is None else activity | {"latest": [state.titles.beside(each) for each in latest]}


class Page:
    """The page's file and policy: own script, own style, and nothing from elsewhere."""

    def __init__(self, file: Path | None = None) -> None:
        folder = Path(__file__).parent
        style = (folder / "page.css").read_text(encoding="utf-8").rstrip()
        self._text = (file or folder / "page.html").read_text(encoding="utf-8").replace("{{style}}", style)

    @cached_property
    def headers(self) -> dict[str, str]:
        """A policy with the hashes of script and style."""
        policy = (
            f"default-src 'none'; script-src {self._hash('script')}; style-src {self._hash('style')}; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return {"Content-Security-Policy": policy}

    def render(self, now: Headline) -> str:
        """With the first line filled in, so that the page is useful without the script, too."""
        return (
            self._text.replace("{{mood}}", now.mood)
            .replace("{{headline}}", html.escape(now.text))
            .replace("{{detail}}", html.escape(now.detail))
            .replace("{{version}}", html.escape(VERSION))
        )

    def _hash(self, tag: str) -> str:
        found = re.search(f"<{tag}>(.*?)</{tag}>", self._text, re.DOTALL)
        assert found is not None
        return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"
