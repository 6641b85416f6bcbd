"""``sales-agent evaluate``: labelled files in, figures, tables and a report out."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from agent.bootstrap import build_agent
from agent.cli import app
from agent.evaluation.cases import read_cases
from agent.evaluation.dialogues import play_all
from agent.orchestrator import Post
from agent.settings import Settings
from agent.store.door import open_door
from agent.store.migrate import migrate_anywhere
from agent.turn import Action
from prompts import load_playbook
from tests.agent.evaluation.lines import dialogue, utterance

ASKED = "Shall we start with you on Monday?"
ALL = [action.value for action in Action]
Run = Callable[..., Result]


def turn(text: str, **judged: list[str]) -> dict[str, Any]:
    return {"role": "customer", "text": text, **judged}


UTTERANCES = (
    utterance(),
    utterance(id="u2", text="<script>alert('x')</script> that is too expensive for me",
              objections=["trust"], context="It is 100 dollars.", note="<b>"),
    utterance(id="u3", vertical="roofing", text="gracias", objections=[], context="Le llamo mañana.", language="es"),
)  # fmt: skip
DIALOGUES = (
    dialogue(turns=[turn("hola", acceptable_actions=ALL), turn("no me escriban más", forbidden_actions=ALL)]),
    dialogue(id="d2", vertical="roofing", outcome="lost", turns=[turn("hi <i>there</i>", acceptable_actions=["nurture"])]),
)  # fmt: skip


@pytest.fixture
def run(settings: Settings) -> Run:
    def run(*arguments: str | Path, **environment: str) -> Result:
        env = {"SALES_AGENT_DATA_DIR": str(settings.data_dir), "COLUMNS": "160", "NO_COLOR": "1", **environment}
        return CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env=env)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "cases.jsonl", *UTTERANCES, *DIALOGUES)


def written(file: Path, *lines: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_a_folder_stands_for_its_files_and_an_empty_one_is_refused(run: Run, tmp_path: Path) -> None:
    cases, empty = tmp_path / "cases", tmp_path / "empty"
    cases.mkdir(), empty.mkdir()
    for place, line in enumerate(UTTERANCES):
        written(cases / f"{place}.jsonl", line)
    (cases / "notes.txt").write_text("no line", encoding="utf-8")
    result = run("--data", cases, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out.json").read_bytes())["objection"]["n"] == len(UTTERANCES)
    result = run("--data", empty)
    assert result.exit_code == 2
    assert "data: no *.jsonl in the folder" in result.stderr


def test_the_figures_for_machines(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("--data", data, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    figures = json.loads((tmp_path / "out.json").read_bytes())
    assert list(figures) == ["objection", "needs", "dialogues", "rules"]
    wanted = {"macro_f1", "micro_f1", "hard_accuracy", "hard_f1", "none_right", "ece", "n", "per_label"}
    for scores in (figures["objection"], figures["needs"], figures["rules"]["objection"], figures["rules"]["needs"]):
        assert set(scores) >= wanted
        assert scores["n"] == 3
        assert scores["degraded"] == 0
    assert figures["objection"]["per_label"]["price"] == {
        "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "n": 1,
    }  # fmt: skip
    assert figures["objection"]["hard_accuracy"] == 0.0
    assert figures["objection"]["version"].startswith("objection-")
    assert figures["rules"]["objection"]["version"].startswith("rules-")


def test_dialogues_are_scored_by_action_and_outcome(run: Run, data: Path, tmp_path: Path) -> None:
    run("--data", data, "--json", tmp_path / "out.json", "--predictor", "dialogues")
    figures = json.loads((tmp_path / "out.json").read_bytes())
    assert figures["objection"] is figures["needs"] is None
    assert figures["rules"] == {"objection": None, "needs": None}
    scores = figures["dialogues"]
    assert (scores["n"], scores["n_turns"], scores["action_agreement"], scores["forbidden_taken"]) == (2, 3, 0.5, 1)
    assert {turn: at["n"] for turn, at in scores["conversion"].items()} == {"1": 2, "2": 1}
    assert set(scores["conversion"]["1"]) >= {"auc", "auc_low", "auc_high", "brier", "brier_skill", "ece", "n"}
    assert scores["conversion"]["1"]["auc"] in (0.0, 0.5, 1.0)
    assert scores["conversion"]["2"]["auc"] is None


def test_only_what_was_asked_for_is_evaluated(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("--data", data, "--json", tmp_path / "out.json", "--predictor", "needs")
    figures = json.loads((tmp_path / "out.json").read_bytes())
    assert figures["objection"] is figures["dialogues"] is None
    assert figures["needs"]["n"] == 3
    assert "needs: 3 utterances" in result.stdout
    assert "objection" not in result.stdout


def test_without_models_the_rules_answer_and_the_figures_say_so(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("--data", data, "--json", tmp_path / "out.json", SALES_AGENT_DATA_DIR=str(tmp_path / "empty"))
    figures = json.loads((tmp_path / "out.json").read_bytes())
    assert figures["objection"]["degraded"] == 3
    assert figures["objection"]["per_label"] == figures["rules"]["objection"]["per_label"]
    assert "3 rows answered by the rules, not by the model" in result.stdout


def test_nothing_is_left_in_the_store(run: Run, data: Path, settings: Settings) -> None:
    assert run("--data", data, "--predictor", "dialogues").exit_code == 0
    assert not (settings.data_dir / "sales-agent.sqlite3").exists()


def test_bad_lines_are_listed_the_good_ones_evaluated_and_the_status_is_one(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path / "mixed.jsonl", utterance(needs=["fun"]), utterance(), dialogue(outcome="won"))
    result = run("--data", file, "--json", tmp_path / "out.json", "--report", tmp_path / "out.html")
    assert result.exit_code == 1
    said = result.stderr.splitlines()
    assert [line.split(": ")[:2] for line in said] == [[f"{file}:1", "needs"], [f"{file}:3", "outcome"]]
    assert json.loads((tmp_path / "out.json").read_bytes())["objection"]["n"] == 1
    assert "2 problems" in (tmp_path / "out.html").read_text()


def test_a_file_of_bad_lines_only_lists_them(run: Run, tmp_path: Path) -> None:
    result = run("--data", written(tmp_path / "bad.jsonl", utterance(needs=["fun"])))
    assert result.exit_code == 1
    assert "needs: 'fun'" in result.stderr


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(run: Run, data: Path, option: str) -> None:
    result = run("--data", data, option, "/nowhere/out")
    assert result.exit_code == 2
    assert f"{option[2:]}: no folder '/nowhere'" in result.stderr
    assert result.stdout == ""


def test_labelled_lines_are_not_written_over(run: Run, data: Path) -> None:
    before = data.read_bytes()
    for option in ("--json", "--report"):
        result = run("--data", data, option, data.parent / "." / data.name)
        assert result.exit_code == 2
        assert f"{option[2:]}: {str(data)!r} is the file that is read" in result.stderr
    assert data.read_bytes() == before


def test_two_outputs_are_two_files(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("--data", data, "--json", tmp_path / "out", "--report", tmp_path / "out")
    assert result.exit_code == 2
    assert "is the file that is written by report" in result.stderr
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [data.name]


def test_a_file_that_the_disk_refuses_is_refused_before_the_work(run: Run, data: Path, tmp_path: Path) -> None:
    result = run("--data", data, "--report", tmp_path / ("x" * 300))
    assert result.exit_code == 2
    assert "can't be written: File name too long" in result.stderr
    assert result.stdout == ""


def test_figures_may_go_where_nothing_is_kept(run: Run, data: Path) -> None:
    for _ in range(2):
        assert run("--data", data, "--json", "/dev/null", "--report", "/dev/null").exit_code == 0


def test_a_word_of_no_language_is_read_in_that_of_the_line_before(run: Run, tmp_path: Path) -> None:
    said = [utterance(id=str(n), text="deal", language="en", context=line) for n, line in enumerate((ASKED, None))]
    file = written(tmp_path / "short.jsonl", *said)
    assert run("--data", file, "--report", tmp_path / "out.html").exit_code == 0
    assert "it is the line&#39;s own in 0.500" in (tmp_path / "out.html").read_text().replace("'s", "&#39;s")


def test_a_file_without_lines_is_one_line_that_says_so(run: Run, tmp_path: Path) -> None:
    result = run("--data", written(tmp_path / "empty.jsonl"))
    assert result.exit_code == 2
    assert "data: no labelled line" in result.stderr


def test_the_report_is_one_page_without_network_and_script_and_escapes_what_customers_said(
    run: Run, data: Path, tmp_path: Path
) -> None:
    for name in ("one.html", "two.html"):
        assert run("--data", data, "--report", tmp_path / name).exit_code == 0
    page = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "two.html").read_text(encoding="utf-8")
    opened = Opened()
    opened.feed(page)
    opened.close()
    assert opened.open == []
    assert {"objection", "needs", "dialogues"} <= set(opened.ids)
    assert len(opened.ids) == len(set(opened.ids))
    assert opened.tags.count("svg") == 4
    assert not {"script", "link", "img", "iframe"} & set(opened.tags)
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; that is too expensive" in page
    assert "hi &lt;i&gt;there&lt;/i&gt;" in page
    assert "&lt;b&gt;" in page
    assert set(re.findall(r"https?://[^/\"]+", page)) == {"http://www.w3.org"}
    assert re.findall(r"url\((?!#)", page) == []


class Opened(HTMLParser):
    """What a page is made of; ``open`` are the elements that nothing closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_what_the_recorded_agent_said_stands_in_the_history(settings: Settings, tmp_path: Path) -> None:
    lines = [("agent", "Hola, le escribe NGX."), ("customer", "hola"), ("agent", "¿Qué busca?"), ("agent", "Cuénteme.")]
    lines += [("customer", "bajar de peso"), ("customer", "y rápido"), ("agent", "Claro.")]
    turns = [{"role": role, "text": text} for role, text in lines]
    file = written(tmp_path / "talk.jsonl", dialogue(turns=turns), dialogue(turns=[turn("hola"), turn("precio?")]))
    cases = read_cases([file], [load_playbook("ngx").book])
    await migrate_anywhere(settings.store_url)
    door = open_door(settings.store_url)
    agent = await build_agent(settings, writers=(), door=door)
    try:
        played, alone = await play_all(agent, door, cases.dialogues, lambda: None)
        history = await agent.messages(Post("evaluated-0", "").key)
        kept = await agent.messages(Post("evaluated-1", "").key)
    finally:
        await agent.aclose()
    assert [(message["role"], message["text"]) for message in history] == lines
    assert [message["seq"] for message in history] == list(range(1, 8))
    assert [judged.number for judged in played.turns] == [1, 2, 3]
    assert [message["role"] for message in kept] == ["customer", "agent", "customer", "agent"]
    assert len(alone.turns) == 2
