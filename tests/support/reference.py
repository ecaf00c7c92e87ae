"""The references that are written from the code: `python -m tests.support.reference` writes them again."""

from collections.abc import Callable, Iterator
from typing import Any

from listener.build import VERSION
from listener.cli import command as listener_command
from listener.fleet.exposition import MOST_WITH_HISTOGRAMS
from listener.fleet.web import STATES
from listener.instruments.metrics import FleetMetrics, Metrics
from listener.logs import Event
from listener.settings import MAPPING, PREFIX, Settings
from tests.support import licences
from tests.support.project import ROOT

DOCS = ROOT / "docs"
WRITTEN = "<!-- Written from the code by `python -m tests.support.reference`. -->"

METRICS = f"""# Metrics

{WRITTEN}

`/metrics` answers in the text format, or in OpenMetrics if asked for it, and never asks the database. Units are base
units, timestamps are Unix seconds (0: never, or none), and every series is there, at 0, before anything has happened.

What comes from the database is sampled by the leader every `LISTENER_SAMPLE_SECONDS`, in at most 2 s, and never counts
more than 10,000 rows of anything; `listener_last_sample_timestamp_seconds` says when. If a sample fails, the figures
stay as they were, `listener_errors_total{{kind="sample"}}` counts it, and the log says so once. On a daemon that does
not lead, sampled and audited figures are 0: ask for the `max` over the daemons of a job, as alerts and dashboard do.
Those of a lost connection stay for five minutes, so that an alert does not begin again with each reconnect. Those of
the audit are 0 on a leader that has not audited yet; `listener_last_audit_timestamp_seconds` is 0 then.

The start of another role's transaction can be seen by members of that role and of `pg_read_all_stats` alone. Without
that right, `listener_oldest_transaction_timestamp_seconds` counts from when the leader first saw the transaction.

`listener_problem` is the list of problems that `listener status`, `listener diagnose`, `/readyz` and the status page
show: 1 for each that there is. A standby looks, too, so that it does not blink when another daemon takes over.

In [a fleet](how-to/fleet.md) each series has the label `school`, but for `listener_build_info`,
`listener_log_lines_dropped_total` and `listener_fleet_schools`, which are the process's. Histograms are each school's
up to {MOST_WITH_HISTOGRAMS} schools; where there are more, they are of all together: one school's would be 142 series.

Alerts and recording rules are in `deploy/prometheus`, a dashboard is `deploy/grafana/listener.json`, and what to do
when an alert fires is in the [runbook](runbook.md).

| metric | type | labels | meaning |
|---|---|---|---|
"""

SPANS = """
## Spans for OpenTelemetry

With the extra `otel` (`pip install 'enrollment-listener[otel]'`) a daemon sends spans to a collector, by OTLP over
HTTP. OpenTelemetry's own variables are its settings. Unless one of the first two is set, nothing is sent, and nothing
of OpenTelemetry is loaded:

| variable | meaning |
|---|---|
| `OTEL_EXPORTER_OTLP_ENDPOINT` | Where the collector is, such as `http://localhost:4318`. |
| `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | The same for spans alone, with its path. |
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | What the daemon is called (`enrollment-listener`), and more of it. |
| `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, … | As everywhere. `OTEL_TRACES_EXPORTER=none` sends nothing. |

| span | what it is |
|---|---|
| `batch` | A consumer handled a batch, or failed to: then it has an error, the same text as in the log. |
| `batch ahead` | The same, of what was fresh and went ahead of a backlog. |
| `look` | A consumer looked, and nothing was to do. |
| `audit` | The leader audited the tables. |

Attributes, each with `listener.` before its name: `consumer`; `school` in a fleet; and as far as they are known the
figures of [the log](logs.md): `changes`, `enrolled`, `returned`, `suspended`, `removed`, `held`, `pending`, `moved`,
`parked`, and of an audit `students`, `missing`, `drifted`. No ids and no names, and notes carry nothing of a trace. A
collector that takes nothing holds up no reaction; a daemon that ends gives it 2 s for the last spans.
"""

LICENCES = f"""# Licences

{WRITTEN}

The project is under [Apache-2.0](../LICENSE). The image holds these packages besides, and its base image's own. None is
copied into the project's source.

| package | licence |
|---|---|
"""

LOGS = f"""# Logs

{WRITTEN}

One line an event, to stderr: `json`, or `console` if stderr is a terminal (`LISTENER_LOG_FORMAT`). Each line has
`event`, `level` and `timestamp` (UTC), and what the table says: ids, counts, milliseconds; never a person's name or
address. A line with a `course_id` has `course`, too, what that course is called, once the daemon knows it: it asks
with its samples, never on the way of a reaction.
A daemon's lines have `database` (host, port and name) and `instance` (its host and the port of its `/metrics`), too.
Students and courses get a line each while they are few (20 a second), and one summary a second when they are many; of
students that are refused, 20 lines and one summary a minute, and none for another attempt. An outage is two lines: one
when it begins, and one when it is over, with how long it took. There is one more for each reason for which a server
that is back refuses the daemon.

| event | meaning |
|---|---|
"""


SETTINGS = f"""# Settings

{WRITTEN}

Each is an environment variable, a line in `.env` in the current folder, a file of that name (in lower case) in
`/run/secrets`, or the flag of a command that takes it: `LISTENER_HTTP_PORT` is `--http-port`. A flag wins over the
environment, the environment over the files. A name that begins with `LISTENER_` and is none of these is an error.

Without `LISTENER_DATABASE_URL` and `LISTENER_DATABASE_URL_FILE`, libpq's variables (`PGHOST`, `PGUSER`, …) say where
the database is. Durations are in seconds.

From `LISTENER_PROFILE_TABLE` on they say [what your schema means](how-to/attach.md), and from `LISTENER_WANTED_QUERY`
on [who should be where](how-to/rules.md), as one query.

| setting | default | meaning |
|---|---|---|
"""

COMMANDS = f"""# Commands

{WRITTEN}

Every command has `--help`. All but `demo` and `try` need a database; all but `demo` read the [settings](settings.md). A
mistake of yours is one line that says what to do, and exit status 2.

In a terminal, whole words are wrapped at its width. In a pipe each thing is a line, `name: what`, whatever the width,
and what is indented belongs to the line above. So it is in a narrow terminal, too, and with `TERM=dumb`, for a screen
reader. Nothing is cut off, and no boxes are drawn. `NO_COLOR` leaves colours out, which say nothing that words do not
say. For programs there is `--json`.
"""


def settings() -> str:
    """docs/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        written = str(field.default).lower() if isinstance(field.default, bool) else field.default
        default = "" if written is None else f"`{written}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return SETTINGS + "\n".join(rows) + "\n"


def commands() -> str:
    """docs/commands.md."""
    parts = [COMMANDS]
    for name, command in _commands(listener_command()):
        of_settings = [
            each.name for each in command.params if each.name in Settings.model_fields and not _is_flag(each)
        ]
        own = [each for each in command.params if each.name not in of_settings and each.help]
        lines = [f"## listener {name}", "", command.help.strip(), ""]
        if own:
            lines += ["| | meaning |", "|---|---|", *(f"| {_written(each)} | {each.help} |" for each in own), ""]
        if of_settings:
            lines += [f"Settings as flags: {_flags(of_settings)}.", ""]
        if command.epilog:
            lines += [f"    {command.epilog.removeprefix('Example: ')}", ""]
        parts.append("\n".join(lines))
    return "\n".join(parts).rstrip() + "\n"


def _is_flag(parameter: Any) -> bool:
    """Without a value: of a setting's name, perhaps, and none."""
    return bool(getattr(parameter, "is_flag", False))


def _written(parameter: Any) -> str:
    """An argument, or a flag with its value's name."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name}`".replace("|", "\\|")
    value = "" if _is_flag(parameter) or not parameter.metavar else f" {parameter.metavar}"
    return ", ".join(f"`{flag}{value}`" for flag in parameter.opts)


def _flags(names: list[str]) -> str:
    """Those of the mapping, which go together, are named once: on the page of settings."""
    has_all = set(MAPPING) <= set(names)
    written = [f"`--{name.replace('_', '-')}`" for name in names if not (has_all and name in MAPPING)]
    return ", ".join(written) + (", and each from `LISTENER_PROFILE_TABLE` on" if has_all else "")


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Those of a group, and of the groups in it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def metrics() -> str:
    """docs/metrics.md."""
    rows = []
    families = {each.name: each for each in Metrics().registry.collect()}
    families |= {each.name: each for each in FleetMetrics(STATES, len).registry.collect()}
    for family in families.values():
        values: dict[str, list[str]] = {}
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label != "le" and value not in values.setdefault(label, []):
                    values[label].append(value)
        labels = "; ".join(
            f"`{label}`" if given == [VERSION] else f"`{label}`: {', '.join(given)}" for label, given in values.items()
        )
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return METRICS + "\n".join(rows) + "\n" + SPANS


def logs() -> str:
    """docs/logs.md."""
    return LOGS + "\n".join(f"| `{event}` | {event.doc} |" for event in Event) + "\n"


def licences_of_packages() -> str:
    """docs/licences.md."""
    return LICENCES + "\n".join(licences.rows()) + "\n"


REFERENCES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "commands.md": commands,
    "metrics.md": metrics,
    "logs.md": logs,
    "licences.md": licences_of_packages,
}


if __name__ == "__main__":
    for name, text in REFERENCES.items():
        (DOCS / name).write_text(text(), encoding="utf-8")
