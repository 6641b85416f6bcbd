"""Where a conversation is played: the agent in this process, or a server behind a URL. Both give turns in one shape."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import httpx2
import orjson
from pydantic import ValidationError

from agent.channels.conversations import customer_of
from agent.channels.shapes import CustomerData, TurnResponse
from agent.errors import InvalidInput, first_fault
from agent.evaluation.dialogues import add_line, take_reply_back
from agent.orchestrator import Post, SalesAgent
from agent.replay.cases import Case
from agent.replay.played import PlayedTurn
from agent.store.door import Door
from agent.turn import DEFAULT_TENANT, ConversationKey

TRIES = 5
LONGEST_PAUSE_S = 60.0
TRIED_AGAIN = frozenset({429, 502, 503, 504})


class Target(Protocol):
    """Conversations are told apart by their ids, which the caller chooses."""

    async def start(self, conversation: str, case: Case) -> None: ...

    async def say(self, conversation: str, number: int, text: str) -> PlayedTurn:
        """Turn ``number``. What goes wrong stands in ``failed``; nothing is raised."""
        ...

    async def cut_off(self, conversation: str, share: float) -> str | None:
        """The customer heard only this share, in [0, 1], of the last reply; the words that it was, ``None`` where the target
        can't be told."""
        ...

    async def record(self, conversation: str, text: str) -> None:
        """Puts ``text`` in the place of what was answered last, as what the agent said."""
        ...

    async def aclose(self) -> None: ...


class InProcess:
    """The agent itself, through the door that every channel enters. ``timed``: whether turns carry their time in ms."""

    def __init__(self, agent: SalesAgent, door: Door, *, timed: bool = False) -> None:
        self._agent = agent
        self._door = door
        self._timed = timed
        self._last: dict[str, tuple[str, str]] = {}

    async def start(self, conversation: str, case: Case) -> None:
        await self._agent.start(_post(conversation, case, ""))

    async def say(self, conversation: str, number: int, text: str) -> PlayedTurn:
        started = time.perf_counter()
        try:
            answered = await self._agent.post(Post(conversation, text, message_id=f"m{number}"))
        except Exception as error:  # noqa: BLE001 - whatever the agent raises, this answer did not come, and the run goes on
            return PlayedTurn(number=number, said=text, failed=f"{type(error).__name__}: {error}")
        took = (time.perf_counter() - started) * 1000 if self._timed else None
        turn = orjson.loads(answered)
        self._last[conversation] = turn["turn_id"], turn["response"]
        return played_turn(number, text, turn, took)

    async def cut_off(self, conversation: str, share: float) -> str | None:
        turn, reply = self._last[conversation]
        words = said_until(reply, share)
        await self._agent.heard(ConversationKey(DEFAULT_TENANT, conversation), turn, words)
        return words

    async def record(self, conversation: str, text: str) -> None:
        key = ConversationKey(DEFAULT_TENANT, conversation)
        await self._door.run(take_reply_back, key)
        await self._door.run(add_line, key, text)

    async def aclose(self) -> None:
        await self._agent.aclose()


class Remote:
    """A server. Its conversations are kept there: they are real ones to it. ``run`` sets the ids of this run apart."""

    def __init__(self, url: str, key: str | None, run: str, *, timeout_s: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s)
        self._run = run

    async def start(self, conversation: str, case: Case) -> None:
        body = {
            "conversation_id": self._id(conversation),
            "playbook": case.playbook,
            "channel": case.channel,
            "locale": case.language,
            "customer_data": dict(case.customer),
        }
        try:
            answer = await self._sent("/conversations/start", body)
        except httpx2.HTTPError as error:
            raise InvalidInput(f"no answer of the server: {type(error).__name__}: {error}", field="url") from None
        if answer.status_code not in (200, 201):
            raise InvalidInput(f"the server refused to start {conversation!r}: {_refusal(answer)}", field="url")

    async def say(self, conversation: str, number: int, text: str) -> PlayedTurn:
        started = time.perf_counter()
        path = f"/conversations/{quote(self._id(conversation), safe='')}/message"
        try:
            answer = await self._sent(path, {"message": text, "message_id": f"m{number}"})
        except httpx2.HTTPError as error:
            return PlayedTurn(number=number, said=text, failed=f"{type(error).__name__}: {error}")
        took = (time.perf_counter() - started) * 1000
        if answer.status_code != 200:
            return PlayedTurn(number=number, said=text, failed=_refusal(answer), ms=took)
        try:
            TurnResponse.model_validate_json(answer.content)
            return played_turn(number, text, orjson.loads(answer.content), took)
        except ValidationError as error:
            where, problem = first_fault(error, "(body)")
            return PlayedTurn(number=number, said=text, failed=f"no turn: {where}: {problem}", ms=took)

    async def cut_off(self, conversation: str, share: float) -> str | None:
        return None

    async def record(self, conversation: str, text: str) -> None:
        raise InvalidInput("a server keeps its own replies in the history", field="as-recorded")

    async def aclose(self) -> None:
        await self._client.aclose()

    def _id(self, conversation: str) -> str:
        return "".join(char if char.isalnum() or char in "-_.:" else "-" for char in f"{self._run}-{conversation}")[
            :200
        ]

    async def _sent(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        """Sent again where the server asks for patience; a message keeps its id, so that nothing is said twice."""
        for attempt in range(TRIES):
            answer = await self._client.post(path, json=body)
            if answer.status_code not in TRIED_AGAIN or attempt == TRIES - 1:
                return answer
            await asyncio.sleep(min(LONGEST_PAUSE_S, _seconds(answer.headers.get("Retry-After")) or 0.5 * 2**attempt))
        raise AssertionError("the last try returns")


def _post(conversation: str, case: Case, text: str) -> Post:
    customer = customer_of(CustomerData.model_validate(dict(case.customer)), None)
    return Post(
        conversation, text, playbook=case.playbook, channel=case.channel, locale=case.language, customer=customer
    )


def played_turn(number: int, said: str, turn: Mapping[str, Any], ms: float | None) -> PlayedTurn:
    """A turn out of what was answered, in the shape of ``TurnResponse``."""
    insights, action = turn["ml_insights"], turn["recommended_action"]
    return PlayedTurn(
        number=number,
        said=said,
        reply=turn["response"],
        action=action["type"],
        confidence=round(action["confidence"], 6),
        reasons=tuple(action["reasons"]),
        language=turn["language"],
        stage=turn["stage"],
        objections={label["type"]: round(label["probability"], 6) for label in insights["predicted_objections"]},
        needs={label["type"]: round(label["probability"], 6) for label in insights["predicted_needs"]},
        conversion=_rounded(insights["conversion_probability"]),
        handoff=turn["handoff"],
        objection_answered=turn["objection_answered"],
        question_asked=turn["question_asked"],
        offer=action["offer"],
        talking_points=tuple(turn["talking_points"]),
        degraded=tuple(turn["degraded"]),
        ms=round(ms, 3) if ms is not None else None,
    )


def said_until(reply: str, share: float) -> str:
    """The first ``share`` of a reply, in whole words."""
    words = reply.split()
    return " ".join(words[: max(1, round(share * len(words)))])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _refusal(answer: httpx2.Response) -> str:
    try:
        told: Any = answer.json()
        return f"{answer.status_code} {told['type']}: {told['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}"


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None
