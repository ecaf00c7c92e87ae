"""A run beside recorded results: what is worse, what noise can explain, and what is only told."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import regressions
from benchmarks.figures import Figure, Goal, Measured
from benchmarks.measure import Spread, spread
from benchmarks.regressions import Verdict
from benchmarks.table import Results

HIGH, LOW = Goal(at_least=0.9), Goal(at_most=1.5)


def run(values: Sequence[float], goal: Goal | None = HIGH, unit: str = "", **form: bool) -> Results:
    """What is written of a run with one figure."""
    figure = Figure("speed", "how fast it is", spread(values), goal, unit)
    return {"lines": {"race": {"quick": False, **form, **Measured((figure,)).to_json()}}}


def verdict(measured: Results, recorded: Results) -> Verdict:
    (comparison,) = regressions.comparisons(measured, recorded)
    return comparison.verdict


def told(measured: Results, recorded: Results) -> tuple[bool, str]:
    console = Console(width=200, file=io.StringIO())
    is_worse = regressions.tell(measured, recorded, console)
    return is_worse, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("goal", "before", "now", "expected"),
    [
        (HIGH, 1.0, 0.89, Verdict.REGRESSION),
        (HIGH, 1.0, 0.91, Verdict.FINE),
        (HIGH, 1.0, 1.5, Verdict.FINE),
        (LOW, 1.0, 1.11, Verdict.REGRESSION),
        (LOW, 1.0, 1.09, Verdict.FINE),
        (LOW, 1.0, 0.5, Verdict.FINE),
    ],
)
def test_worse_is_what_the_goal_says(goal: Goal, before: float, now: float, expected: Verdict) -> None:
    assert verdict(run([now] * 5, goal), run([before] * 5, goal)) is expected


def test_what_has_a_unit_or_no_goal_is_told_and_not_judged() -> None:
    for goal, unit in ((HIGH, "rows/s"), (None, "")):
        is_worse, text = told(run([1.0] * 5, goal, unit), run([4.0] * 5, goal, unit))
        assert not is_worse
        assert "-75 %" in text


def test_a_difference_that_the_rounds_show_among_themselves_is_doubtful() -> None:
    restless = [0.6, 0.75, 0.85, 1.1, 1.2]
    assert verdict(run(restless), run([1.0] * 5)) is Verdict.DOUBTFUL
    assert verdict(run([0.85] * 5), run([0.6, 0.8, 1.0, 1.1, 1.3])) is Verdict.DOUBTFUL
    is_worse, text = told(run(restless), run([1.0] * 5))
    assert not is_worse
    assert "15 % worse, within the noise of 5 rounds: recorded 1.00, ± 0 %, now 0.85 (0.60 to 1.20)" in text


def test_one_round_that_went_astray_hides_no_regression() -> None:
    assert verdict(run([0.79, 0.8, 0.8, 0.8, 0.8, 0.81, 1.3]), run([0.99, 1.0, 1.0, 1.0, 1.01])) is Verdict.REGRESSION


def test_few_rounds_are_as_uncertain_as_they_lie_apart() -> None:
    assert verdict(run([0.7, 0.8, 0.9]), run([0.95, 1.0, 1.05])) is Verdict.REGRESSION
    assert verdict(run([0.7, 0.8, 0.96]), run([0.95, 1.0, 1.05])) is Verdict.DOUBTFUL
    older = run([1.0])
    older["lines"]["race"]["figures"][0]["measured"] = {"median": 1.0, "least": 0.8, "most": 1.1}
    assert verdict(run([0.85] * 5), older) is Verdict.DOUBTFUL
    assert verdict(run([0.75] * 5), older) is Verdict.REGRESSION


def test_another_form_of_a_benchmark_proves_no_regression() -> None:
    assert verdict(run([0.5], quick=True), run([1.0] * 5)) is Verdict.DOUBTFUL
    assert verdict(run([0.5] * 5, long=True), run([1.0] * 5)) is Verdict.DOUBTFUL
    assert verdict(run([0.5] * 5, long=True), run([1.0] * 5, long=True)) is Verdict.REGRESSION


def test_a_regression_is_named_with_both_values_and_both_spreads() -> None:
    is_worse, text = told(run([0.7, 0.75, 0.8]), run([0.9, 1.0, 1.1]))
    assert is_worse
    assert "regression: race: how fast it is: 25 % worse: recorded 1.00 (0.90 to 1.10), now 0.75 (0.70 to 0.80)" in text
    assert "regression: 1, doubtful: 0, no worse: 0, not judged: 0" in text


def test_what_only_one_of_both_has_is_said() -> None:
    other = run([1.0])
    other["lines"]["race"]["figures"][0]["key"] = "height"
    is_worse, text = told(run([1.0]), other)
    assert not is_worse
    assert "race: speed was not recorded" in text
    assert "race: height was recorded, and is not measured any more" in text


def test_a_wrong_outcome_is_no_speed_to_compare() -> None:
    wrong = run([9.0])
    wrong["lines"]["race"]["problems"] = ["1 wrong counts"]
    assert list(regressions.comparisons(wrong, run([1.0]))) == []


def test_files_are_compared_by_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, same, worse = (tmp_path / f"{name}.json" for name in ("before", "same", "worse"))
    for file, values in ((before, [1.0] * 5), (same, [0.95] * 5), (worse, [0.8] * 5)):
        file.write_text(json.dumps(run(values)))
    for file, status in ((same, 0), (worse, 1)):
        monkeypatch.setattr("sys.argv", ["regressions", str(file), "--against", str(before)])
        assert regressions.main() == status
    before.write_text("[]")
    with pytest.raises(SystemExit, match="2"):
        regressions.main()


def test_what_is_committed_is_no_worse_than_itself() -> None:
    recorded = regressions.read(regressions.RECORDED)
    assert not told(recorded, recorded)[0]


def test_the_median_is_likely_within_its_noise() -> None:
    assert Spread(1.0, 0.5, 2.0).likely == (0.5, 2.0)
    assert Spread(1.0, 0.5, 2.0, 7, 0.1).likely == (0.9, 1.1)
