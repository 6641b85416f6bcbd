"""Labelled files: what is read, and what is said of a line that can't be."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.evaluation.cases import Cases, read_cases
from agent.evaluation.run import read_files
from agent.settings import Settings
from agent.turn import Action
from prompts import load_playbook
from tests.agent.evaluation.lines import dialogue, utterance
from training_data.corpora import CORPORA

FIRST = next(iter(Action)).value
BOOKS = [load_playbook(name).book for name in ("ngx", "roofing")]


def read(file: Path, *lines: dict[str, Any] | str) -> Cases:
    file.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return read_cases([file], BOOKS)


def test_both_kinds_stand_in_one_file_and_find_their_playbooks(tmp_path: Path) -> None:
    cases = read(
        tmp_path / "all.jsonl",
        utterance(vertical="roofing", needs=["gutters"]),
        "",
        dialogue(vertical="fitness"),
        dialogue(vertical="roofing", playbook="roofing", language="en"),
    )
    assert cases.problems == ()
    assert [case.book.id for case in cases.utterances] == ["roofing"]
    assert [case.book.id for case in cases.dialogues] == ["ngx", "roofing"]


def test_a_byte_order_mark_is_not_part_of_the_first_line(tmp_path: Path) -> None:
    file = tmp_path / "windows.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(utterance()).encode() + b"\r\n")
    assert len(read_cases([file], BOOKS).utterances) == 1


def test_a_line_says_null_or_nothing_for_what_it_has_not(tmp_path: Path) -> None:
    bare = utterance(context=None, note="", acts=None, language=None)
    turns = [{"role": "customer", "text": "hola", "acceptable_actions": None, "forbidden_actions": []}]
    cases = read(tmp_path / "bare.jsonl", bare, dialogue(turns=turns))
    assert cases.problems == ()
    assert (len(cases.utterances), len(cases.dialogues)) == (1, 1)


def test_an_id_may_be_a_number(tmp_path: Path) -> None:
    cases = read(tmp_path / "numbered.jsonl", utterance(id=7), dialogue(id=8))
    assert cases.problems == ()
    assert [case.row.id for case in (*cases.utterances, *cases.dialogues)] == ["7", "8"]


def test_all_our_own_corpora_can_be_evaluated() -> None:
    cases = read_files(Settings(), sorted(CORPORA.glob("*.jsonl")))
    assert cases.problems == ()
    assert len(cases.utterances) > 4_000


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "(line): expected one JSON object"),
        ("[1]", "(line): expected a JSON object, not list"),
        ({"id": "a", "vertical": "fitness", "text": "hi", "needs": []}, "objections: Field required"),
        (utterance(text="  "), "text: String should have at least 1 character"),
        (utterance(mood="bad"), "mood: Extra inputs are not permitted"),
        (utterance(objections="price"), "objections: Input should be a valid array"),
        (utterance(vertical="surfing"), "vertical: no playbook for 'surfing'; there are fitness, roofing"),
        (utterance(objections=["prices"]), "objections: 'prices' is none of playbook 'ngx': price, timing"),
        (utterance(needs=["gutters"]), "needs: 'gutters' is none of playbook 'ngx': lose_weight"),
        (dialogue(outcome="won"), "outcome: Input should be 'converted', 'lost' or 'follow_up'"),
        (dialogue(turns=[]), "turns: expected at least one turn of the customer"),
        (dialogue(turns=[{"role": "agent", "text": "hi"}]), "turns: expected at least one turn of the customer"),
        (dialogue(turns=[{"role": "boss", "text": "hi"}]), "turns.0.role: Input should be 'customer' or 'agent'"),
        (
            dialogue(turns=[{"role": "customer", "text": "hi", "forbidden_actions": ["dance"]}]),
            "turns.0.forbidden_actions.0: Input should be 'ask_discovery'",
        ),
        (
            dialogue(turns=[{"role": "customer", "text": "hi"}, {"role": "agent", "text": "x", "forbidden_actions": [FIRST]}]),
            "turns: turn 1 is the agent's",
        ),
        (dialogue(playbook="surf"), "playbook: no playbook 'surf'; there are ngx, roofing"),
        (dialogue(playbook="roofing"), "playbook: 'roofing' is for 'roofing', not for 'fitness'"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_by_file_line_and_field(tmp_path: Path, line: dict[str, Any] | str, says: str) -> None:
    file = tmp_path / "cases.jsonl"
    cases = read(file, utterance(), line, dialogue())
    (problem,) = cases.problems
    assert str(problem).startswith(f"{file}:2: {says}")
    assert (len(cases.utterances), len(cases.dialogues)) == (1, 1)


def test_every_wrong_field_of_every_line_is_listed(tmp_path: Path) -> None:
    cases = read(tmp_path / "cases.jsonl", utterance(objections=["cost"], needs=["fun"]), utterance(), {"id": "x"})
    assert [(problem.line, problem.field) for problem in cases.problems] == [
        (1, "objections"), (1, "needs"), (3, "vertical"), (3, "text"), (3, "objections"), (3, "needs"),
    ]  # fmt: skip
    assert len(cases.utterances) == 1
