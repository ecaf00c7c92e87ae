"""The benchmarks' arithmetic and tables, on made-up figures; and what the docs show is what was measured."""

import io
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from benchmarks import charts, lines, table
from benchmarks.figures import Figure, Goal, Measured, figure_from, single
from benchmarks.latency import of_rate_figures
from benchmarks.measure import Spread, percentile, ratio, spread
from benchmarks.saturation import Sample, Saturated
from benchmarks.signups import compared

RESULTS = charts.ROOT / "benchmarks" / "results.json"
MACHINE = {
    "cores": 2,
    "memory_gib": 4.0,
    "processor": "made up",
    "postgres": "18.0",
    "python": "3.11.0",
    "flushes_per_second": 1234,
    "date": "2026-01-02T03:04:05+00:00",
    "commit": "abc",
}


def line(measured: Measured, *, quick: bool = False) -> dict[str, Any]:
    """As a run writes it, having been through JSON."""
    written = {"quick": quick, "seconds": 1.0, "machine": MACHINE, **measured.to_json()}
    return dict(json.loads(json.dumps(written)))


def variant(label: str, to_none: float, **outcome: int) -> dict[str, Any]:
    """One variant of the sign-ups, as `signups.run` tells it."""
    each = {"median": to_none, "least": to_none / 2, "most": to_none * 2}
    found = {"profiles": 1000, "enrolled": 1000, "counted": 1000, "failed": 0, "missing": 0} | outcome
    told = {"label": label, "per_second": [1.0], "outcome": found}
    return told | {f"to_{beside}": each for beside in ("none", "least", "synchronous")}


@pytest.fixture
def results() -> table.Results:
    flush = {
        "plain": variant("no triggers", 1.0),
        "stopped": variant("ours, daemon stopped", 0.9),
        "live": variant("ours, daemon live", 0.7),
        "naive": variant("naive <JSON> listener", 0.2, enrolled=900, missing=100, drift=-100, deadlocks=3),
        "absent": {"label": "a queue", "skipped": "it is not installed"},
    }
    sign_ups = {"own": flush, "1 ms": flush}
    latencies = of_rate_figures(5, [[0.001, 0.003]], [[0.001, 0.002]])
    latencies += of_rate_figures(200, [[0.001, 0.003]], [[0.001, 0.002]])
    drained = tuple(single(key, key, [1e5], "rows/s") for key in ("bare_per_second", "per_second"))
    return {
        "lines": {
            "sign_ups": line(Measured(lines.sign_up_figures(sign_ups), sign_ups, lines.sign_up_problems(sign_ups))),
            "latency": line(Measured(tuple(latencies)), quick=True),
            "draining": line(Measured(drained, {"sign_ups": 1000}, notes=("A note.",))),
            "idle": {"quick": False, "seconds": 1.0, "machine": MACHINE, "error": "Broken: it broke", "problems": []},
        }
    }


def test_each_round_is_compared_with_its_own() -> None:
    assert ratio([1, 4, 9], [1, 2, 3]) == Spread(median=2, least=1, most=3, rounds=3)
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])


def test_a_percentile_is_one_of_the_values() -> None:
    hundred = list(range(100, 0, -1))
    assert percentile(hundred, 0.5) == 50
    assert percentile(hundred, 0.99) == 99
    assert percentile([7], 0.99) == 7


def test_a_goal_is_met_by_the_median_from_its_side() -> None:
    assert Figure("a", "a", spread([0.97, 0.98, 2]), Goal(at_least=0.98)).met is True
    assert Figure("a", "a", spread([0.97, 0.97, 2]), Goal(at_least=0.98)).met is False
    assert Figure("a", "a", spread([1.0, 1.3, 0.9]), Goal(at_most=1.2)).met is True
    assert Figure("a", "a", spread([5])).met is None


def test_a_measurement_with_a_wrong_outcome_meets_no_goal() -> None:
    figures = (Figure("a", "a", spread([1]), Goal(at_least=0.5)), Figure("b", "b", spread([1])))
    right, wrong = Measured(figures), Measured(figures, problems=("1 wrong counts",))
    assert [figure["met"] for figure in right.to_json()["figures"]] == [True, None]
    assert [figure["met"] for figure in wrong.to_json()["figures"]] == [False, None]
    told = table.markdown({"lines": {"x": line(wrong)}})
    assert told.count("| wrong |") == 2
    assert table.complaints({"lines": {"x": line(wrong)}}) == ["x: 1 wrong counts"]


def test_figures_come_back_from_json_as_they_were() -> None:
    figure = single("a", "what", [1, 2, 3], "ms", Goal(at_most=2))
    assert figure_from(line(Measured((figure,)))["figures"][0]) == figure


def test_figures_are_told_with_their_spread_and_unit() -> None:
    assert str(Figure("a", "a", spread([0.5, 1.234, 20]))) == "1.23 (0.50 to 20.0)"
    assert str(single("a", "a", [123_456], "rows/s")) == "123,456 rows/s"


def test_the_noise_of_a_median_is_told_once_there_are_rounds_enough() -> None:
    values = [90, 96, 98, 100, 102, 104, 1000]
    figure = Figure("a", "a", spread(values), Goal(at_least=1))
    assert figure.measured.noise == pytest.approx(1.57 * (104 - 96) / 7**0.5)
    assert figure.noise == "± 5 %"
    assert Figure("a", "a", spread(values[:4])).noise == ""
    few, many = ({"lines": {"x": line(Measured((single("a", "a", values[:n], "ms"),)))}} for n in (4, 7))
    assert table.markdown(few).splitlines()[0] == "| what | goal | measured: median (least to most) | met |"
    assert "| a |  | 100.0 ms (90.0 to 1,000) | ± 5 % |  |" in table.markdown(many)


def test_a_terminal_of_100_columns_cuts_no_figure(results: table.Results) -> None:
    values = [123_456.0, 123_457, 123_458, 123_459, 123_460]
    wide = (single("a", "something with a long description " * 5, values, "sign-ups/s", Goal(at_least=0.98)),)
    results["lines"]["wide"] = line(Measured(wide))
    console = Console(width=100, file=io.StringIO())
    console.print(table.terminal(results))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "123,458 sign-ups/s (123,456 to 123,460)" in told
    assert "± 0 %" in told
    assert "…" not in told


def test_latency_is_told_as_ratio_and_in_milliseconds() -> None:
    figures = {figure.key: figure for figure in of_rate_figures(5, [[0.002], [0.006]], [[0.001], [0.002]])}
    assert figures["p50_at_5"].measured == Spread(2.5, 2, 3, rounds=2)
    assert figures["p50_at_5"].goal == Goal(at_most=1.3)
    assert figures["p99_at_5"].goal == Goal(at_most=1.5)
    assert figures["p99_at_5_bare"].measured == Spread(1.5, 1, 2, rounds=2)


def test_a_backlog_is_told_in_seconds_of_sign_ups_and_the_first_half_is_left_out() -> None:
    samples = [Sample(1, 9000, 0), Sample(6, 500, 700), Sample(9, 1000, 0), Sample(10.5, 300, 0)]
    one = Saturated(per_second=1000, ended_at=10, empty_at=11, samples=samples)
    assert one.behind_seconds == 1
    assert one.growth == pytest.approx((1000 - 700) / (10 / 3))


def test_a_variant_is_compared_with_another_in_the_rounds_that_have_both() -> None:
    rates = {
        "plain": {0: 100.0, 1: 200.0, 2: 400.0},
        "live": {0: 50.0, 1: 150.0, 2: 400.0},
        "increment": {2: 40.0},
        "pgque": {},
    }
    assert compared(rates, "live") == {
        "to_none": asdict(spread([0.5, 0.75, 1.0])),
        "to_synchronous": asdict(spread([10.0])),
    }
    assert compared(rates, "increment")["to_none"] == asdict(spread([0.1]))


def test_goals_are_told_of_what_was_measured() -> None:
    live = variant("ours", 1.0)
    live |= {name: {"median": 1.2, "least": 1.0, "most": 1.4} for name in ("to_least_looked_up", "to_pgque")}
    figures = {figure.key: figure for figure in lines.sign_up_figures({"own": {"live": live}})}
    assert figures["live_to_pgque_own"].goal == Goal(at_least=1.15)
    assert figures["live_to_pgque_own"].met is True
    assert figures["live_to_least_looked_up_own"].goal == Goal(at_least=1)
    assert figures["live_to_least_own"].what != figures["live_to_least_looked_up_own"].what
    without = lines.sign_up_figures({"own": {"live": variant("ours", 1.0)}})
    assert [figure.key for figure in without] == ["live_to_least_own", "live_to_synchronous_own"]


def test_a_column_is_shown_of_what_the_variants_were_compared_with(results: table.Results) -> None:
    heads = "| own flush | ÷ no triggers | ÷ the least work | ÷ synchronous triggers | in the end |"
    assert table.sign_ups(results, "own").splitlines()[0] == heads
    flush = results["lines"]["sign_ups"]["rounds"]["own"]
    flush["live"]["to_pgque"] = {"median": 1.2, "least": 1.0, "most": 1.4}
    told = table.sign_ups(results, "own").splitlines()
    assert told[0] == heads.replace("| ÷ synchronous", "| ÷ PgQue | ÷ synchronous")
    assert "| no triggers | 1.00 | 1.00 |  | 1.00 | 1,000 signed up, all enrolled |" in told
    assert "| ours, daemon live | 0.70 | 0.70 | 1.20 | 0.70 | 1,000 signed up, all enrolled |" in told
    assert "| a queue | | | | | it is not installed |" in told


def test_sign_ups_that_are_lost_while_the_daemon_is_live_are_a_problem() -> None:
    exact, lossy = variant("ours", 1.0), variant("ours", 1.0, missing=1)
    assert lines.sign_up_problems({"own": {"live": exact, "naive": lossy}}) == ()
    assert len(lines.sign_up_problems({"own": {"live": lossy}})) == 1
    assert len(lines.sign_up_problems({"own": {"live": variant("ours", 1.0, enrolled_twice=1)}})) == 1
    assert len(lines.sign_up_problems({"own": {"live": variant("ours", 1.0, drift=-1)}})) == 1
    assert len(lines.sign_up_problems({"own": {"live": exact, "stopped": variant("ours", 1.0, deadlocks=1)}})) == 1


def test_the_table_holds_goals_figures_and_what_is_quick(results: table.Results) -> None:
    told = table.markdown(results)
    assert "| sign-ups/s, 1 ms flush: daemon stopped ÷ no triggers at all | ≥ 0.98 | 0.90 (0.45 to 1.80) | no |" in told
    assert "| sign-ups/s, own flush: daemon stopped ÷ no triggers at all | ≥ 0.85 | 0.90 (0.45 to 1.80) | yes |" in told
    assert "p99, 200 sign-ups/s: ours ÷ a bare listener that inserts one row a NOTIFY (quick) | ≤ 1.5 |" in told
    assert table.terminal(results).row_count == sum(1 for _ in table.rows(results))


def test_the_front_page_says_what_others_cost_and_lose(results: table.Results) -> None:
    told = {"label": "naive <JSON> listener", "profiles": 600, "missing": 100}
    results["lines"]["losses"] = {"rounds": {"live": told | {"label": "ours", "missing": 0}, "naive": told}}
    heads = [
        "",
        *(f"sign-ups/s ÷ no triggers, {flush} flush" for flush in ("own", "1 ms")),
        "counts",
        "killed for a second",
    ]
    assert table.beside(results).splitlines() == [
        f"| {' | '.join(heads)} |",
        "|---|---|---|---|---|",
        "| ours, daemon live | 0.70 | 0.70 | none | nobody lost |",
        "| naive <JSON> listener | 0.20 | 0.20 | off by -100 | 100 of 600 not enrolled |",
    ]


def test_losses_and_what_was_not_measured_are_told_beside_the_speed(results: table.Results) -> None:
    told = table.sign_ups(results, "own")
    naive = "1,000 signed up, 100 not enrolled, count off by -100, 3 deadlocks"
    assert f"| naive <JSON> listener | 0.20 | 0.20 | 0.20 | {naive} |" in told
    assert "| a queue | | | | it is not installed |" in told
    assert table.complaints(results) == ["idle: not measured: Broken: it broke"]
    assert "- **idle: not measured: Broken: it broke**" in charts.page(results)
    assert "- `draining`: A note." in charts.page(results)


def test_the_charts_are_well_formed_and_name_every_variant(results: table.Results) -> None:
    drawn = charts.files(results)
    assert {path.name for path in drawn} == {"sign-ups.svg", "latency.svg", "draining.svg"}
    texts = {path.stem: " ".join(ElementTree.fromstring(text).itertext()) for path, text in drawn.items()}
    for label in ("no triggers", "ours, daemon live", "naive <JSON> listener", "1 ms flush"):
        assert label in texts["sign-ups"]
    assert "a queue" not in texts["sign-ups"]


def test_docs_are_rewritten_between_their_markers_only(results: table.Results, tmp_path: Path) -> None:
    for path in (charts.README, charts.PAGE):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text((charts.ROOT / path).read_text(encoding="utf-8"), encoding="utf-8")
    once = charts.rendered(results, tmp_path)
    for path in (charts.README, charts.PAGE):
        (tmp_path / path).write_text(once[path], encoding="utf-8")
        outside = re.compile(f"{re.escape(charts.BEGIN)}.*{re.escape(charts.END)}", re.DOTALL)
        assert outside.sub("", once[path]) == outside.sub("", (charts.ROOT / path).read_text(encoding="utf-8"))
        assert once[path].count(charts.BEGIN) == 1
    assert charts.rendered(results, tmp_path) == once
    assert "](docs/benchmarks/sign-ups.svg)" in once[charts.README]
    assert "](benchmarks/sign-ups.svg)" in once[charts.PAGE]


def test_readme_and_docs_show_what_was_measured() -> None:
    if not RESULTS.exists():
        pytest.skip("no full run of the benchmarks is committed yet (benchmarks/results.json)")
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for path, text in charts.rendered(results, charts.ROOT).items():
        current = (charts.ROOT / path).read_text(encoding="utf-8")
        assert current == text, f"{path} is out of date: run python -m benchmarks.charts benchmarks/results.json"
