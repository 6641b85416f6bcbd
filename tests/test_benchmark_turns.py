"""The benchmarks measure what they say: both stacks answer the same model, and their figures add up. No figure is judged."""

from pathlib import Path

import orjson
import pytest

from benchmarks import history, predictors, stream
from benchmarks.load import Mouths, crowd
from benchmarks.model_server import Pace
from benchmarks.plots import bars, curves
from benchmarks.servers import TEXTBOOK, site
from benchmarks.turns import AIMS, ROWS, Row, Tally, play, reached

OURS = "ours, sqlite"
MODEL_S = 0.02
CLOCK_MS = 1.0
"""By so much a pause may be shorter than was asked for."""


async def test_both_stacks_are_measured_against_the_same_model(models: Path, postgres_url: str) -> None:
    assert postgres_url  # its socket and lock have a place that outlives this test
    async with site(models, workers=1, store="sqlite", rows=300) as at:
        mouths = {stack.name: Mouths() for stack in at.stacks}
        row = await play(Row("three", 3, (0, 0), MODEL_S), at, seconds=2.0, rounds=2, mouths=mouths)
        streamed = await stream.measure(at, [2], seconds=1.5, pace=Pace(MODEL_S, 5 * MODEL_S))
        await at.model.pace(Pace())
        late = await history.measure(dict.fromkeys(at.stacks, 14), pairs=2)

    assert orjson.loads(orjson.dumps(row))["row"] == "three"
    assert list(row["stacks"]) == [OURS, TEXTBOOK]
    for figures in row["stacks"].values():
        assert figures["errors"] == figures["rescued_by_the_composer"] == figures["turns_without_model"] == 0
        assert figures["model_calls"] == figures["turns"] > 0
        assert len(figures["turns_per_s_by_round"]) == 2
        assert figures["p50_ms"] <= figures["p95_ms"]
        assert 0 < figures["own_p50_ms"] <= figures["p50_ms"] - 1000 * MODEL_S + CLOCK_MS
        assert figures["cpu_ms_a_turn"] > 0
    assert row["stacks"][TEXTBOOK]["database_cpu_ms_a_turn"] > row["stacks"][OURS]["database_cpu_ms_a_turn"] == 0
    rates = [row["stacks"][name]["turns_per_s"] for name in (OURS, TEXTBOOK)]
    assert row["ratios"][OURS]["turns_per_s"] == pytest.approx(rates[0] / rates[1], abs=0.02)

    heard = streamed["2 users"]
    assert all(figures["turns"] > 0 and figures["errors"] == 0 for figures in heard.values())
    assert heard[OURS]["after_first_sentence_p50_ms"] > 0
    assert heard[OURS]["after_first_token_p50_ms"] > heard[OURS]["after_first_sentence_p50_ms"]
    assert heard[TEXTBOOK]["after_first_token_p50_ms"] > 4 * 1000 * MODEL_S - 0.1

    for measured in late.values():
        [figures] = measured
        assert (figures["turns"], figures["messages"]) == (14, 28)
        assert figures["ratio"] == pytest.approx(figures["late_turn_ms"] / figures["turn_10_ms"], abs=0.01)


async def test_what_is_not_answered_is_an_error_and_no_turn() -> None:
    run = await crowd("http://127.0.0.1:9", 2, 0.2, (0.05, 0.05), "nobody", Mouths())
    tally = Tally()
    tally.add(run, [], 0.0, 0.0)
    assert tally.summary()["turns"] == 0
    assert tally.summary()["errors"] > 0
    assert tally.summary()["p95_ms"] is None


def test_customers_never_say_the_same_twice() -> None:
    mouths = Mouths()
    said = [mouths.next(customer) for customer in range(400) for _ in range(5)]
    assert len(set(said)) == 2000
    assert len({(mouths.next(8).playbook, mouths.next(8).language) for _ in range(20)}) == 1


def test_an_aim_is_met_only_without_errors() -> None:
    figures = {"own_p50_ms": 4.0, "own_p95_ms": 16.0, "p95_ms": 200.0, "turns_per_s": 60.0, "errors": 0}
    rows = [{"row": row.name, "stacks": {OURS: figures}, "ratios": {OURS: {"turns_per_s": 6.5}}} for row in ROWS]
    assert [aim["met"] for aim in reached(rows)] == [True, False, True, True, True]
    assert len(reached(rows)) == len(AIMS)
    failed = [{**row, "stacks": {OURS: {**figures, "errors": 1}}} for row in rows]
    assert not any(aim["met"] for aim in reached(failed))


def test_predictions_are_measured_side_by_side(models: Path) -> None:
    found = predictors.measure(models, count=3, rows=200, kind_rows=120)
    by_name = found["cpu_of_one_message"]
    assert len(by_name) == 4
    assert all(0 < figures["p50_ms"] <= figures["p95_ms"] for figures in by_name.values())
    assert by_name[predictors.SHARED]["p50_ms"] < by_name[predictors.WHOLE]["p50_ms"]
    assert set(found["times_ours"]) == {predictors.TEXTBOOK, predictors.SAME_KIND}


def test_pictures_are_the_same_for_the_same_figures(tmp_path: Path) -> None:
    chart = ("turns a second", {"100 users": {OURS: 90.0, TEXTBOOK: 14.5}})
    for name in ("one", "two"):
        bars([chart], tmp_path / f"{name}.svg")
        curves("late", "turn", "times", {OURS: {10: 1.0, 1000: 1.01}}, tmp_path / f"{name}-curve.svg")
    for kind in (".svg", "-curve.svg"):
        assert (tmp_path / f"one{kind}").read_bytes() == (tmp_path / f"two{kind}").read_bytes()
    assert "14.5" in (tmp_path / "one.svg").read_text(encoding="utf-8")
