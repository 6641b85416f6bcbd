"""What a person sees of a turn, in wide and narrow terminals."""

import io
from copy import deepcopy
from typing import Any

import pytest
from rich.console import Console

from agent.terminal import WIDE, show_ledger, show_turn

SAID = "es muy caro [/red] [bold]para mí[/]"
TURN: dict[str, Any] = {
    "response": "Te entiendo [/b]. ¿Qué te gustaría cambiar?",
    "seq": 3,
    "stage": "discovery",
    "ml_insights": {
        "predicted_objections": [
            {"type": "price", "probability": 0.874, "source": "model", "evidence": ["muy caro [/red]"]}
        ],
        "predicted_needs": [{"type": "energy", "probability": 0.5, "source": "rules", "evidence": []}],
        "conversion_probability": 0.4,
        "conversion_interval": [0.35, 0.45],
        "conversion_delta": -0.02,
    },
    "recommended_action": {"type": "handle_objection", "confidence": 0.91, "reasons": ["an objection is open"]},
    "talking_points": ["Objeción abierta [price]: «muy caro»"],
    "degraded": [],
    "timing_ms": {"total": 12.34},
}
LEDGER: dict[str, Any] = {
    "message": SAID,
    "response": TURN,
    "decision": {
        "ranked": [
            {
                "action": "handle_objection",
                "score": 2.5,
                "propensity": 0.91,
                "reasons": ["an objection is open", "[/x]"],
            },
            {"action": "nurture", "score": -1.0, "propensity": 0.09, "reasons": []},
        ],
        "refused": [{"action": "confirm_sale", "rule": "agreement", "reason": "nobody agreed to [anything]"}],
        "ledger": [{"type": "price", "status": "raised", "evidence": ["muy [/red] caro", "uf"], "times_addressed": 2}],
    },
    "reply": {
        "attempts": [
            {"writer": "openai", "failure": "too_slow", "elapsed_ms": 1200.04, "first_token_ms": 80.0},
            {"writer": "composer", "failure": None, "elapsed_ms": 0.44, "first_token_ms": None},
        ],
        "violations": [
            {"kind": "price", "found": "$99 [/b]", "repair": "$150"},
            {"kind": "date", "found": "mañana", "repair": None},
        ],
    },
}


def turn(**changed: Any) -> dict[str, Any]:
    changed_insights = changed.pop("ml_insights", {})
    made = {**deepcopy(TURN), **changed}
    made["ml_insights"].update(changed_insights)
    return made


def shown(turn: dict[str, Any], width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True)
    show_turn(console, SAID, turn)
    return text_of(console)


def explained(ledger: dict[str, Any], width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True)
    show_ledger(console, ledger)
    return text_of(console)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_turn_shows_the_reply_and_all_that_was_predicted_and_why() -> None:
    text = shown(turn())
    assert "turn 3 · discovery" in text
    assert f"» {SAID}" in text
    assert "Te entiendo [/b]. ¿Qué te gustaría cambiar?" in text
    assert "handle_objection 91%" in text
    assert "because an objection is open" in text
    assert "objection price 87% (model) “muy caro [/red]”" in text
    assert "need energy 50% (rules)" in text
    assert "conversion █████░░░░░░░ 40% [35% to 45%] -2%" in text
    assert "• Objeción abierta [price]: «muy caro»" in text
    assert "12.3 ms" in text
    assert "degraded" not in text


@pytest.mark.parametrize("width", [WIDE, 200])
def test_in_a_wide_terminal_reply_and_insights_stand_side_by_side(width: int) -> None:
    first = shown(turn(), width).splitlines()[0]
    assert "turn 3" in first
    assert "for the rep" in first


@pytest.mark.parametrize("width", [40, 80, WIDE - 1])
def test_in_a_narrow_terminal_the_insights_stand_below_the_reply(width: int) -> None:
    lines = shown(turn(), width).splitlines()
    titles = [line for line in lines if "turn 3" in line or "for the rep" in line]
    assert [("turn 3" in title, "for the rep" in title) for title in titles] == [(True, False), (False, True)]


@pytest.mark.parametrize("width", [20, 40, 80, WIDE, 200])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(width: int) -> None:
    text = explained(LEDGER, width)
    assert max(len(line) for line in text.splitlines()) <= width
    squeezed = "".join(char for char in shown(turn(), width) if char.isalnum())
    for word in ("entiendo", "handle", "price", "energy"):
        assert word in squeezed


@pytest.mark.parametrize(
    ("probability", "bar"), [(0.0, "░" * 12), (0.04, "░" * 12), (0.5, "█" * 6 + "░" * 6), (1.0, "█" * 12)]
)
def test_the_bar_is_as_full_as_the_conversion_is_probable(probability: float, bar: str) -> None:
    text = shown(turn(ml_insights={"conversion_probability": probability, "conversion_interval": None}))
    assert f"conversion {bar} {probability:.0%} -2%" in text


def test_a_first_turn_has_no_change_of_conversion() -> None:
    text = shown(turn(ml_insights={"conversion_delta": None}))
    assert "[35% to 45%]" in text
    assert "-2%" not in text


def test_a_change_shows_its_sign() -> None:
    assert "45%] +3%" in shown(turn(ml_insights={"conversion_delta": 0.03}))


def test_without_a_conversion_prediction_that_is_said() -> None:
    text = shown(turn(ml_insights={"conversion_probability": None, "conversion_interval": None}))
    assert "conversion: not enough data" in text


def test_whatever_did_not_go_the_first_way_is_shown() -> None:
    assert "degraded: needs:deadline, writer:openai:too_slow" in shown(
        turn(degraded=["needs:deadline", "writer:openai:too_slow"])
    )


def test_a_ledger_shows_ranked_and_refused_actions_each_with_its_reason() -> None:
    lines = explained(LEDGER).splitlines()

    def together(*words: str) -> bool:
        return any(all(word in line for word in words) for line in lines)

    assert together("handle_objection", "2.5", "91.0%", "an objection is open; [/x]")
    assert together("nurture", "-1.0", "9.0%")
    assert together("confirm_sale", "agreement", "nobody agreed to [anything]")
    assert together("price", "raised", "muy [/red] caro | uf", "2x")
    assert together("openai", "too_slow", "1200.0", "80.0")
    assert together("composer", "0.4", "0.0")


def test_a_ledger_shows_every_stopped_figure_and_what_became_of_it() -> None:
    text = explained(LEDGER)
    assert "stopped price: '$99 [/b]' -> $150" in text
    assert "stopped date: 'mañana' -> dropped" in text
