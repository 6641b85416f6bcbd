"""``WS /ws/retell/{call_id}``: Retell's custom LLM. Its transcript is the truth: what the agent says there was heard."""

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket

from agent.access.caller import Permission
from agent.access.route import GuardedSocket
from agent.channels import shapes
from agent.channels.exchange import Exchange
from agent.channels.voice.connection import Connection
from agent.channels.voice.frames import NOT_ALLOWED, RETELL, BadFrame, Locale, Ping, Said, Wanted, read_frame
from agent.channels.voice.heard import begins_with, heard_of
from agent.channels.voice.utterance import Speaker, Utterance
from agent.errors import InvalidInput
from agent.first_words import first_words, first_words_heard
from agent.orchestrator import Post, SalesAgent
from agent.turn import Action

CHANNEL = "voice"
CONFIG = {"response_type": "config", "config": {"auto_reconnect": True, "call_details": True}}
AGENT, USER = "agent", "user"
REMINDER = "reminder_required"
_CALL_ID: TypeAdapter[str] = TypeAdapter(shapes.Identity)
_PLAYBOOK: TypeAdapter[str | None] = TypeAdapter(shapes.ShortText | None)
_LOCALE: TypeAdapter[str | None] = TypeAdapter(Locale | None)


class Call(Speaker):
    """``start``: who calls whom, without a text."""

    def __init__(self, connection: Connection, agent: SalesAgent, start: Post, streams: set[Any]) -> None:
        super().__init__()
        self._connection = connection
        self._agent = agent
        self._start = start
        self._streams = streams
        self._opening: str | None = None

    async def begin(self) -> None:
        """Speaks first; says nothing when the call was connected before."""
        await self._connection.send(CONFIG)
        self._opening = await first_words(self._agent, self._start)
        await self._respond(0, self._opening or "", complete=True)

    async def hear(self, text: str) -> None:
        frame = read_frame(text, RETELL, "interaction_type")
        match frame:
            case Ping():
                await self._connection.send({"response_type": "ping_pong", "timestamp": frame.timestamp})
            case Wanted():
                await self._wanted(frame)
            case _:
                pass

    async def _wanted(self, wanted: Wanted) -> None:
        if self._speech is not None and wanted.response_id <= self._speech.number:
            return  # a later one is answered already
        await self._connection.key_holds()
        heard, words, reminded = _last_exchange(wanted.transcript)
        longest = self._agent.settings.longest_message
        if len(words) > longest:
            raise BadFrame(NOT_ALLOWED, f"transcript: the last words have more than {longest} characters")
        if wanted.kind == REMINDER and reminded and not (self._speech is not None and self._speech.running):
            await self._respond(wanted.response_id, await self._reminder(), complete=True)
            return
        await self._put_right(heard, words, reminded)
        if not any(char.isalnum() for char in words):
            await self._respond(wanted.response_id, "", complete=True)
            return
        digest = hashlib.sha256(words.encode()).hexdigest()[:16]
        post = Post(
            conversation_id=self._start.conversation_id,
            text=words,
            tenant=self._start.tenant,
            message_id=f"retell-{wanted.response_id}-{digest}",
            playbook=self._start.playbook,
            channel=CHANNEL,
            locale=self._start.locale,
            metadata=self._start.metadata,
        )
        exchange = Exchange(self._agent, post, self._streams)
        self._speech = Utterance(exchange, words, self, self._fail, wanted.response_id)

    async def _reminder(self) -> str:
        """What he was asked in this connection, once more, when he says nothing. It is no turn: his words were answered, and
        count once."""
        if self._speech is None or (await self._agent.conversation(self._start.key))["held"] is not None:
            return ""
        return (await self._speech.exchange.response())["question_asked"] or ""

    async def _put_right(self, heard: str, words: str, reminded: bool) -> None:
        """What was said last, cut to what the transcript has of it. A reply that is still under way ends."""
        if self._speech is not None:
            speech, self._speech = self._speech, None
            unheard = not reminded and begins_with(words, speech.words) and not begins_with(speech.sent, heard)
            await speech.cut("" if unheard else heard_of(speech.sent, heard))
        elif self._opening:
            known = heard_of(self._opening, heard)
            if known != self._opening:
                await first_words_heard(self._agent, self._start, self._opening, known)
        self._opening = None

    async def sentence(self, said: Utterance, text: str) -> None:
        await self._respond(said.number, text, complete=False)

    async def ended(self, said: Utterance, response: dict[str, Any]) -> None:
        action = None if response["held_by"] else response["recommended_action"]["type"]
        number = self._agent.settings.transfer_number
        transfer = {"transfer_number": number} if action == Action.HANDOFF_TO_HUMAN and number else {}
        await self._respond(said.number, "", complete=True, end_call=action == Action.CLOSE_POLITELY, **transfer)

    async def _respond(self, number: int, content: str, *, complete: bool, end_call: bool = False, **more: str) -> None:
        response = {
            "response_type": "response",
            "response_id": number,
            "content": content,
            "content_complete": complete,
        }
        await self._connection.send({**response, "end_call": end_call, **more})

    async def _fail(self, error: Exception) -> None:
        await self._connection.fail(error)


def _last_exchange(transcript: Sequence[Said]) -> tuple[str, str, bool]:
    """What the agent was heard to say before the customer's last words, those words, and whether he was silent since."""
    said = [entry for entry in transcript if entry.role in (AGENT, USER)]
    runs = [(role, _joined([entry.content for entry in run])) for role, run in groupby(said, lambda entry: entry.role)]
    last = next((place for place in range(len(runs) - 1, -1, -1) if runs[place][0] == USER), None)
    if last is None:
        return (runs[-1][1] if runs else ""), "", bool(runs)
    reminded = last < len(runs) - 1
    before = runs[-1][1] if reminded else runs[last - 1][1] if last else ""
    return before, runs[last][1], reminded


def _joined(parts: Sequence[str]) -> str:
    return " ".join(" ".join(parts).split())


async def retell(websocket: WebSocket) -> None:
    """``?playbook=`` and ``?locale=`` say what the call begins with."""
    state = websocket.app.state
    agent: SalesAgent = state.agent
    start = _start(websocket)
    agent.shop(start.playbook)
    await websocket.accept()
    connection = Connection(websocket)
    call = Call(connection, agent, start, state.streams)
    await connection.attend(call, call.begin)


def _start(websocket: WebSocket) -> Post:
    """Raises ``InvalidInput``: the connection is refused before it is accepted."""
    query = websocket.query_params
    found: dict[str, Any] = {}
    for name, adapter, given in (
        ("call_id", _CALL_ID, websocket.path_params["call_id"]),
        ("playbook", _PLAYBOOK, query.get("playbook")),
        ("locale", _LOCALE, query.get("locale")),
    ):
        try:
            found[name] = adapter.validate_python(given)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise InvalidInput(problem.removeprefix("Value error, "), field=name) from None
    return Post(
        conversation_id=found["call_id"],
        text="",
        tenant=websocket.state.caller.tenant,
        playbook=found["playbook"],
        channel=CHANNEL,
        locale=found["locale"],
    )


router = APIRouter(tags=["voice"])
router.routes.append(GuardedSocket("/ws/retell/{call_id}", retell, Permission.POST))
