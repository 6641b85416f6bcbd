"""Model clients that fail, through the HTTP door: the customer always gets a sensible reply, and the answer says how."""

import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.degraded import Shop, is_sensible, shop, told, tried
from tests.scripted_model import (
    GOOD,
    Answer,
    BrokenJson,
    CutOff,
    EmptyStream,
    RateLimited,
    Refuse,
    ServerError,
    SlowDrip,
    Stall,
    Step,
    WrongSchema,
)

FAULTS: dict[str, tuple[Step, str]] = {
    "429": (RateLimited("0"), "rate_limited"),
    "500": (ServerError(500), "server_error"),
    "refused": (Refuse(), "refused"),
    "cut off": (CutOff(3), "cut_off"),
    "ended without a finish": (CutOff(3, "end"), "cut_off"),
    "error in the stream": (CutOff(3, "error"), "server_error"),
    "cut at its limit": (Answer(finish="length"), "cut_off"),
    "broken JSON": (BrokenJson(), "broken_json"),
    "prose": (Answer("Sure, I can help with that!"), "broken_json"),
    "wrong schema": (WrongSchema(), "wrong_schema"),
    "empty stream": (EmptyStream(), "cut_off"),
}
STALLS: dict[str, tuple[Step, dict[str, float], str]] = {
    "hang": (Stall(None), {"first_token_s": 0.1}, "stalled_before_first"),
    "silence after the headers": (Stall(0), {"first_token_s": 0.1}, "stalled_before_first"),
    "stall in the middle": (Stall(3), {"token_gap_s": 0.1}, "stalled_between"),
    "slow drip": (SlowDrip(0.05, 1), {"reply_s": 0.3}, "too_slow"),
    "the turn's budget": (Stall(3), {"turn_budget_s": 0.6}, "too_slow"),
}


@pytest.fixture(scope="module")
async def one_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop(tmp_path_factory.mktemp("degraded")) as at:
        yield at


@pytest.fixture
async def at(one_shop: Shop) -> Shop:
    """The shop that many tests share, with both models well: one turn has reached each, so no breaker counts anything."""
    for model in (one_shop.first, one_shop.second):
        model.script.clear()
        model.default = Answer()
    one_shop.first.then(Answer(), RateLimited("0"))
    await one_shop.post("Hi there.")
    await one_shop.post("Hi there.")
    for model in (one_shop.first, one_shop.second):
        await model.idle()
        model.requests.clear()
    return one_shop


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_model_that_fails_is_named_and_the_next_one_writes(at: Shop, fault: str) -> None:
    step, kind = FAULTS[fault]
    at.first.then(step)
    turn, ledger = await at.post("Hi, I have no time to cook.")
    attempts = [("openai", kind), ("anthropic", None)]
    assert (turn["degraded"], tried(ledger)) == (told(attempts), attempts)
    assert turn["response"].endswith(GOOD["reply"])
    assert turn["talking_points"] == GOOD["talking_points"]
    assert ledger["reply"]["writer"] == "anthropic"


@pytest.mark.parametrize("fault", FAULTS)
async def test_when_every_model_fails_the_composer_writes(at: Shop, fault: str) -> None:
    step, kind = FAULTS[fault]
    at.first.default = at.second.default = step
    turn, ledger = await at.post("Hola, no tengo tiempo de cocinar.", locale="es")
    attempts = [("openai", kind), ("anthropic", kind), ("composer", None)]
    assert (turn["degraded"], tried(ledger)) == (told(attempts), attempts)
    assert is_sensible(turn, "es"), turn["response"]
    assert ledger["reply"]["writer"] == "composer"


@pytest.mark.parametrize("stall", STALLS)
async def test_a_model_that_stalls_is_left_within_the_turn(tmp_path: Path, stall: str) -> None:
    """Every limit but the one on trial is a minute, the client's is 20 s: what is not left in time fails here."""
    step, limit, kind = STALLS[stall]
    async with shop(tmp_path, models="openai", **limit) as at:
        at.first.then(step)
        turn, ledger = await at.post("Hi, I have no time to cook.")
        attempts = [("openai", kind), ("composer", None)]
        assert (turn["degraded"], tried(ledger)) == (told(attempts), attempts)
        assert is_sensible(turn), turn["response"]
        await at.first.idle()
        assert at.first.closed_by_client == at.first.started, "a busy machine may give up before the request arrived"


async def test_a_port_where_nobody_listens_is_named_unreachable(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with shop(tmp_path, openai_base_url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1") as at:
            turn, ledger = await at.post("Hi, I have no time to cook.")
    assert turn["degraded"] == ["writer:openai:unreachable"]
    assert tried(ledger) == [("openai", "unreachable"), ("anthropic", None)]
    assert turn["response"].endswith(GOOD["reply"])


async def test_a_wrong_key_is_named_and_stands_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    wrong = "sk-wrong-and-very-secret"
    async with shop(tmp_path, openai_api_key=wrong, log_level="debug") as at:
        turn, ledger = await at.post("Hi, I have no time to cook.")
    assert turn["degraded"] == ["writer:openai:auth"]
    assert tried(ledger) == [("openai", "auth"), ("anthropic", None)]
    seen = capfd.readouterr()
    assert "writer_failed" in seen.out + seen.err
    assert wrong not in json.dumps(turn) + json.dumps(ledger) + seen.out + seen.err


async def test_a_rate_limited_model_is_left_alone_until_its_time_and_each_turn_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        at.first.then(RateLimited("60"))
        for _ in range(3):
            turn, ledger = await at.post("Hi, I have no time to cook.")
            assert turn["degraded"] == ["writer:openai:rate_limited"]
            assert tried(ledger) == [("openai", "rate_limited"), ("anthropic", None)]
        assert (len(at.first.requests), len(at.second.requests)) == (1, 3)


async def test_a_model_that_keeps_failing_is_skipped_and_each_turn_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        at.first.default = ServerError(500)
        seen = [(await at.post("Hi, I have no time to cook."))[0]["degraded"] for _ in range(7)]
        assert seen == [["writer:openai:server_error"]] * 5 + [["writer:openai:breaker_open"]] * 2
        assert len(at.first.requests) == 5


async def test_a_conversation_goes_on_through_a_bad_turn(tmp_path: Path) -> None:
    async with shop(tmp_path, models="openai") as at:
        at.first.then(Answer(), CutOff(2), Answer())
        seen = [(await at.post(text, to="one"))[0] for text in ("Hi there.", "I want to lose weight.", "Go on.")]
        assert [turn["degraded"] for turn in seen] == [[], ["writer:openai:cut_off"], []]
        assert all(is_sensible(turn) for turn in seen)
        messages = (await at.client.get("/conversations/one/messages")).json()["messages"]
        assert [said["text"] for said in messages if said["role"] == "agent"] == [turn["response"] for turn in seen]
        asked = at.first.requests[-1]["messages"]
        assert [said["content"] for said in asked if said["role"] == "assistant"] == [
            turn["response"] for turn in seen[:2]
        ], "the next writer reads what was really said"
