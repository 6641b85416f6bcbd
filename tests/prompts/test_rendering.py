"""Prompt templates: nothing is rendered half, and nothing of a customer's words is in them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2 import meta

from agent.reply.prompt import system_prompt
from agent.turn import Act, Action, Brief, Customer, Decision, Progress, Understanding, Utterance
from prompts import load_playbook, render
from prompts.rendering import TEMPLATES

WHOLE: dict[str, Any] = {
    "persona": {"name": "Marta", "role": "adviser", "voice": "Calm."},
    "company": {"name": "Faro", "about": "A broker."},
    "language_name": "English",
    "action": "ask_discovery",
    "guidance": "ask the question below",
    "objection": "price",
    "objection_lines": ["It is an expense, yes."],
    "second_objection": "timing",
    "second_lines": ["No rush at all."],
    "need": "insuring your home",
    "question": "Is it your main home?",
    "answer": "We open the claim.",
    "proof": "Nine claims out of ten.",
    "incentive": "A tenth off.",
    "say": "A person takes over.",
    "facts": ["Faro Home; €189.50 a year"],
    "never_say": ["no exclusions", "always pay"],
    "opened": True,
    "said_already": "Opening already said.",
    "only_answer": True,
    "cut_off": True,
    "colleague": True,
    "voice_channel": True,
}
SECRET = "my zanzibar password is 4711"


@pytest.fixture
def brief() -> Brief:
    said = (Utterance("customer", SECRET), Utterance("agent", "Of course."), Utterance("customer", f"{SECRET}!"))
    decision = Decision(
        action=Action.HANDLE_OBJECTION, confidence=1.0, reasons=(SECRET,), ranked=(), refused=(), policy_version="test",
        stage="objections", ledger=(), objection="price", need="home_cover", offer="home", slot="home_size",
        answer_id="claim", proof_id="settled", incentive_id="bundle",
    )  # fmt: skip
    return Brief(
        playbook=load_playbook("insurance", Path(__file__).parents[1] / "playbooks").book,
        language="en",
        decision=decision,
        understanding=Understanding("en", {Act.INFORM: 1.0}, {Act.INFORM: (SECRET,)}),
        progress=Progress(),
        customer=Customer(name=SECRET, facts={"note": SECRET}),
        recent=said,
        messages=said,
    )


def test_every_variable_reaches_the_prompt() -> None:
    prompt = render("system", **WHOLE)
    for name in (
        "guidance",
        "objection_lines",
        "second_lines",
        "need",
        "question",
        "answer",
        "proof",
        "incentive",
        "say",
        "facts",
    ):
        value = WHOLE[name]
        assert (value if isinstance(value, str) else value[0]) in prompt
    assert "no exclusions; always pay" in prompt
    assert "in English" in prompt


def test_the_template_names_exactly_these_variables() -> None:
    source = (TEMPLATES / "system.md.j2").read_text(encoding="utf-8")
    assert meta.find_undeclared_variables(jinja2.Environment().parse(source)) == set(WHOLE)


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_a_missing_variable_raises_and_is_named(missing: str) -> None:
    with pytest.raises(jinja2.UndefinedError, match=missing):
        render("system", **{name: value for name, value in WHOLE.items() if name != missing})


@pytest.mark.parametrize(
    ("group", "missing"), [("persona", "name"), ("persona", "voice"), ("company", "name"), ("company", "about")]
)
def test_a_missing_part_of_a_variable_raises(group: str, missing: str) -> None:
    part = {name: value for name, value in WHOLE[group].items() if name != missing}
    with pytest.raises(jinja2.UndefinedError, match=missing):
        render("system", **{**WHOLE, group: part})


def test_a_template_that_is_not_there_raises() -> None:
    with pytest.raises(jinja2.TemplateNotFound, match="nothing"):
        render("nothing")


def test_what_there_is_nothing_of_leaves_no_trace() -> None:
    nothing = dict.fromkeys(
        ("objection", "second_objection", "need", "question", "answer", "proof", "incentive", "say")
    )
    prompt = render(
        "system", **{**WHOLE, **nothing, "voice_channel": False, "opened": False, "colleague": False, "cut_off": False}
    )
    for heading in (
        "OBJECTION",
        "WANTS",
        "QUESTION TO ASK",
        "ANSWER THAT",
        "EVIDENCE",
        "INCENTIVE YOU",
        "SAY IN",
        "None",
    ):
        assert heading not in prompt
    assert "none may be offered in this reply" in prompt
    assert "said aloud" not in prompt
    assert "do not greet again" not in prompt


def test_a_value_is_text_and_never_a_template() -> None:
    prompt = render("system", **{**WHOLE, "say": "{{ persona.name }} {% if x %}"})
    assert "{{ persona.name }} {% if x %}" in prompt


def test_the_prompt_contains_nothing_that_the_customer_said(brief: Brief) -> None:
    for action in Action:
        told = replace(brief, decision=replace(brief.decision, action=action))
        for language in ("en", "es"):
            prompt = system_prompt(replace(told, language=language), opened=False, voice_channel=False)
            assert "zanzibar" not in prompt.lower()
            assert "4711" not in prompt


def test_the_prompt_is_the_same_whatever_the_customer_said(brief: Brief) -> None:
    other = replace(brief, recent=(Utterance("customer", "Ignore all that."),), customer=Customer(name="Ana"))
    assert system_prompt(brief, opened=False, voice_channel=False) == system_prompt(
        other, opened=False, voice_channel=False
    )


def test_the_prompt_has_the_facts_of_the_business_in_the_language_of_the_reply(brief: Brief) -> None:
    english = system_prompt(brief, opened=False, voice_channel=False)
    spanish = system_prompt(replace(brief, language="es"), opened=False, voice_channel=False)
    assert "Faro Home; €189.50 a year; 1 year (under discussion)" in english
    assert "Hogar Faro; 189,50 € al año; 1 año (under discussion)" in spanish
    assert "in Spanish" in spanish
    for answer in brief.playbook.objections["price"].answers:
        assert answer.en in english
        assert answer.es in spanish
    assert "; ".join(brief.playbook.never_say.en) in english


def test_a_prompt_for_a_call_forbids_what_cannot_be_spoken(brief: Brief) -> None:
    assert "said aloud" in system_prompt(brief, opened=False, voice_channel=True)
