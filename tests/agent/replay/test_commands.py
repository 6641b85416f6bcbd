"""``sales-agent replay``, ``simulate`` and ``compare`` as they are typed: what is written, what is refused, and the status."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import Result
from typer.testing import CliRunner

from agent.cli import app
from agent.replay.played import Run, read_run
from tests.agent.replay.played_runs import GOLDEN
from tests.agent.replay.versions import written
from tests.agent.replay.worse import WRONG, broken_price, mute_policy, shuffled_labels

STOP, PRICE = GOLDEN / "en-02-stop-plain.json", GOLDEN / "es-01-precio-de-entrada.json"
Command = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "models").symlink_to(models)
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Command:
    def run(*arguments: str | Path) -> Result:
        env = {"SALES_AGENT_DATA_DIR": str(home), "COLUMNS": "400", "NO_COLOR": "1"}
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=env)

    return run


@pytest.fixture(scope="module")
def good(home: Path, run: Command) -> Result:
    """Two golden files replayed once, with everything that can be written."""
    return run(
        "replay", STOP, PRICE, "--json", home / "good.json", "--report", home / "good.html", "--junit",
        home / "good.xml", "--jobs", "1",
    )  # fmt: skip


def refused(result: Result, *, naming: str) -> bool:
    """Status 2 and one line that names the offender."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return naming in result.stderr


def comparison_of(result: Result, a: Path, b: Path, run: Command, folder: Path) -> dict[str, Any]:
    """What the comparison of the two written runs says; it gives the status that the replay gave."""
    told = run("compare", a, b, "--json", folder / "comparison.json")
    assert told.exit_code == result.exit_code, told.output
    found: dict[str, Any] = json.loads((folder / "comparison.json").read_bytes())
    return found


class TestReplay:
    def test_golden_files_pass_and_everything_asked_for_is_written(self, good: Result, home: Path) -> None:
        assert good.exit_code == 0, good.output
        told = read_run(home / "good.json")
        assert told.passed and [one.name for one in told.conversations] == [
            "en-roofing-02-stop-plain#0",
            "es-fitness-01-precio-de-entrada#0",
        ]
        assert told.tested.name == "as it is" and told.tested.policy and told.tested.writer == "composer"
        suite = ElementTree.parse(home / "good.xml").getroot()
        assert len(list(suite.iter("testcase"))) == 2 and not list(suite.iter("failure"))
        page = (home / "good.html").read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>") and "None failed." in page

    def test_broken_lines_are_named_and_the_good_cases_run(self, run: Command, tmp_path: Path) -> None:
        line = {"messages": [{"role": "user", "content": "how much is it?"}], "metadata": {"id": "fine"}}
        odd = {"messages": [{"role": "robot", "content": "beep"}]}
        file = written(tmp_path / "cases.jsonl", "\n".join((json.dumps(line), "{not json", json.dumps(odd))) + "\n")
        result = run("replay", file, "--json", tmp_path / "run.json")
        assert result.exit_code == 1, result.output
        told = read_run(tmp_path / "run.json")
        assert [(one.name, one.passed, len(one.turns)) for one in told.conversations] == [("fine#0", True, 1)]
        assert not told.passed
        second, third = told.problems[:2]
        assert second.startswith(f"{file}:2: (line): expected one JSON object")
        assert third.startswith(f"{file}:3: messages.0.role: expected ") and "'robot'" in third
        assert second in result.output and third in result.output

    def test_a_file_without_one_good_case_is_refused_with_its_lines(self, run: Command, tmp_path: Path) -> None:
        file = written(tmp_path / "cases.jsonl", "{not json\n")
        assert refused(run("replay", file), naming=f"{file}:1: (line): ")

    def test_a_failed_expectation_is_status_1_and_told(self, run: Command, tmp_path: Path) -> None:
        line = {
            "messages": [{"role": "user", "content": "how much is it?"}],
            "metadata": {"id": "zoo", "turns": {"1": {"must_say": ["zebra"]}}},
        }
        result = run(
            "replay", written(tmp_path / "c.jsonl", json.dumps(line) + "\n"), "--junit", tmp_path / "junit.xml"
        )
        assert result.exit_code == 1, result.output
        assert "zoo#0, turn 1: must_say: not said: 'zebra'" in result.output
        (failure,) = ElementTree.parse(tmp_path / "junit.xml").getroot().iter("failure")
        assert "zebra" in (failure.get("message") or "") + (failure.text or "")


class TestCounterfactual:
    def test_a_policy_that_never_handles_objections_fails_and_the_base_is_kept(
        self, run: Command, home: Path, good: Result, tmp_path: Path
    ) -> None:
        base, report = tmp_path / "base.json", tmp_path / "comparison.html"
        command = ("replay", STOP, PRICE, "--policy", mute_policy(tmp_path), "--strict", "--base", base)
        first = run(*command, "--json", tmp_path / "first.json", "--report", report)
        assert first.exit_code == 1, first.output
        assert base.read_bytes() == (home / "good.json").read_bytes(), "the base is the version as it is"
        told = read_run(tmp_path / "first.json")
        assert "handle_objection" not in {turn.action for one in told.conversations for turn in one.turns}
        assert told.tested.name == "mute.yaml" and told.tested.policy.startswith("mute@")
        assert "mute.yaml" in report.read_text(encoding="utf-8")
        marked = json.loads(base.read_bytes())
        marked["tested"]["name"] = "as it was"
        base.write_text(json.dumps(marked), encoding="utf-8")
        second = run(*command, "--json", tmp_path / "second.json")
        assert second.exit_code == 1
        assert "A: as it was" in second.output, "the file is read, not played again"
        assert (tmp_path / "second.json").read_bytes() == (tmp_path / "first.json").read_bytes()

    def test_a_wrong_price_fails_at_exactly_the_turns_that_say_it(self, run: Command, tmp_path: Path) -> None:
        lines = [
            {"messages": [{"role": "user", "content": text} for text in texts], "metadata": {"id": name, **ROOF}}
            for name, texts in ASKED.items()
        ]
        file = written(tmp_path / "cases.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        result = run("replay", file, "--playbook", broken_price(tmp_path), "--json", tmp_path / "run.json", "--strict")
        assert result.exit_code == 1, result.output
        told = read_run(tmp_path / "run.json")
        wrong = failing(told, "policy")
        assert wrong and wrong == saying(told, WRONG)
        assert len(wrong) < sum(len(one.turns) for one in told.conversations)
        assert any(WRONG in turn.reply for one in told.conversations for turn in one.turns)

    def test_predictors_with_shuffled_labels_are_found_worse(self, run: Command, home: Path, tmp_path: Path) -> None:
        folder = shuffled_labels(home / "models", tmp_path / "shuffled")
        arguments = ("simulate", "--buyers", "24", "--seed", "2", "--model", folder, "--jobs", "1")
        result = run(*arguments, "--base", tmp_path / "base.json", "--json", tmp_path / "run.json")
        assert result.exit_code == 1, result.output
        told = comparison_of(result, tmp_path / "base.json", tmp_path / "run.json", run, tmp_path)
        assert {"objection_micro_f1"} <= {one["name"] for one in told["measures"] if one["verdict"] == "worse"}
        own = told["b"]["tested"]["predictors"]
        assert own["objection"] != told["a"]["tested"]["predictors"]["objection"]
        assert own["needs"] == told["a"]["tested"]["predictors"]["needs"]


ROOF = {"playbook": "roofing", "language": "en"}
ASKED = {
    "leak": ("hi", "how much do you charge to fix a leak?", "and how does the inspection work?"),
    "new": ("how much is a new roof?", "thanks, goodbye"),
}


def failing(run: Run, check: str) -> set[tuple[str, int]]:
    return {
        (one.name, number)
        for one in run.conversations
        for number, verdict in one.all_verdicts()
        if number is not None and verdict.failed and verdict.check == check
    }


def saying(run: Run, words: str) -> set[tuple[str, int]]:
    """Where the customer, or the person who reads along, is told them."""
    return {
        (one.name, turn.number)
        for one in run.conversations
        for turn in one.turns
        if any(words in said for said in (turn.reply, *turn.talking_points))
    }


class TestSimulate:
    def test_a_few_buyers_are_played_and_judged(self, run: Command, tmp_path: Path) -> None:
        result = run("simulate", "--buyers", "3", "--seed", "4", "--language", "es", "--json", tmp_path / "run.json")
        told = read_run(tmp_path / "run.json")
        assert result.exit_code == (0 if told.passed else 1), result.output
        assert [one.case for one in told.conversations] == ["buyer-4-0", "buyer-4-1", "buyer-4-2"]
        assert {one.language for one in told.conversations} == {"es"}
        assert all(one.chance is not None and one.outcome for one in told.conversations)
        assert "3 conversations" in result.output

    def test_a_business_that_is_not_there_is_refused(self, run: Command) -> None:
        assert refused(run("simulate", "--buyers", "3", "--business", "zoo"), naming="zoo")


class TestCompare:
    def test_two_equal_runs_are_no_worse(self, run: Command, home: Path, good: Result, tmp_path: Path) -> None:
        shutil.copy(home / "good.json", tmp_path / "again.json")
        page = tmp_path / "same.html"
        result = run("compare", home / "good.json", tmp_path / "again.json", "--strict", "--report", page)
        assert result.exit_code == 0, result.output
        assert page.stat().st_size > 1_000

    def test_a_turn_that_fails_now_is_a_regression_only_when_that_is_asked(
        self, run: Command, home: Path, good: Result, tmp_path: Path
    ) -> None:
        told = json.loads((home / "good.json").read_bytes())
        told["conversations"][1]["turns"][2]["verdicts"].append(
            {"check": "policy", "passed": False, "score": 0.0, "reason": "figure in the reply: '475'"}
        )
        file = written(tmp_path / "worse.json", json.dumps(told))
        assert run("compare", home / "good.json", file).exit_code == 0
        result = run("compare", home / "good.json", file, "--strict")
        assert result.exit_code == 1
        assert "es-fitness-01-precio-de-entrada#0, turn 3" in result.output

    @pytest.mark.parametrize(
        ("content", "field"),
        [
            ("{", "(file)"),
            ('{"kind": "replay", "tested": {"name": "a"}, "conversations": 3}', "conversations"),
            ('{"kind": "replay", "tested": {"name": "a"}, "conversations": [], "mood": "good"}', "mood"),
        ],
    )
    def test_a_broken_run_is_named_with_its_field(
        self, run: Command, home: Path, good: Result, tmp_path: Path, content: str, field: str
    ) -> None:
        file = written(tmp_path / "broken.json", content)
        assert refused(run("compare", home / "good.json", file), naming=f"{file}: {field}: ")


class TestBeforeAnyWork:
    """Nothing of this opens an agent: no cases are read either."""

    @pytest.mark.parametrize("option", ["--json", "--report", "--junit", "--base"])
    def test_a_folder_that_is_not_there_is_named_by_its_option(self, run: Command, tmp_path: Path, option: str) -> None:
        file = written(tmp_path / "cases.jsonl", "{not json\n")
        result = run("replay", file, option, tmp_path / "nowhere" / "file")
        assert refused(result, naming=f"{option[2:]}: no folder ")

    def test_a_base_that_is_kept_is_not_written_over(self, run: Command, tmp_path: Path) -> None:
        file, base = written(tmp_path / "cases.jsonl", "{not json\n"), written(tmp_path / "base.json", "before")
        result = run("replay", file, "--base", base, "--json", base)
        assert refused(result, naming=f"json: {str(base)!r} is the file that is read")
        assert base.read_text() == "before"

    @pytest.mark.parametrize("option", ["--json", "--report"])
    def test_so_it_is_for_a_comparison(
        self, run: Command, home: Path, good: Result, tmp_path: Path, option: str
    ) -> None:
        file = home / "good.json"
        assert refused(run("compare", file, file, option, tmp_path / "nowhere" / "file"), naming=f"{option[2:]}: no ")

    def test_a_server_runs_its_own_version(self, run: Command, tmp_path: Path) -> None:
        for change in (("--policy", mute_policy(tmp_path)), ("--live",), ("--model", tmp_path)):
            assert refused(run("replay", STOP, "--url", "http://127.0.0.1:9", *change), naming="url: a server runs")
        assert refused(run("replay", STOP, "--url", "http://127.0.0.1:9", "--as-recorded"), naming="as-recorded: ")

    def test_a_model_that_is_neither_a_folder_nor_a_client_is_refused(self, run: Command, tmp_path: Path) -> None:
        result = run("replay", STOP, "--model", tmp_path / "nowhere")
        assert refused(result, naming="model: ") and "nowhere" in result.stderr

    def test_files_that_are_not_there_are_named(self, run: Command, tmp_path: Path) -> None:
        for command in (("replay", tmp_path / "no.json"), ("compare", tmp_path / "no.json", tmp_path / "no.json")):
            result = run(*command)
            assert result.exit_code == 2 and "no.json" in result.stderr

    def test_a_base_that_is_no_run_is_named(self, run: Command, tmp_path: Path) -> None:
        base = written(tmp_path / "base.json", "{}")
        result = run("replay", STOP, "--policy", mute_policy(tmp_path), "--base", base, "--json", tmp_path / "run.json")
        assert refused(result, naming=f"{base}: kind: ")
        assert not (tmp_path / "run.json").exists()

    def test_a_broken_policy_is_named_with_its_line_on_however_many_processes(
        self, run: Command, tmp_path: Path
    ) -> None:
        policy = written(tmp_path / "odd.yaml", "version: a\nnever: [close_politely]\n")
        result = run("simulate", "--buyers", "20", "--jobs", "2", "--policy", policy)
        assert refused(result, naming="odd.yaml:2: never: ")
