"""``WS /ws/conversation-relay``: Twilio's (and Telnyx's) ConversationRelay. They hear and speak, we get and give text."""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.websockets import WebSocket

from agent.access.caller import Permission
from agent.access.route import GuardedSocket
from agent.channels.conversations import customer_of
from agent.channels.exchange import Exchange
from agent.channels.voice.connection import Connection
from agent.channels.voice.frames import NOT_ALLOWED, RELAY, BadFrame, Frame, Interrupt, Prompt, Setup, read_frame
from agent.channels.voice.heard import heard_of
from agent.channels.voice.signature import check_signature
from agent.channels.voice.utterance import Speaker, Utterance
from agent.orchestrator import Post, SalesAgent
from agent.turn import Action, Language

CHANNEL = "voice"
ENDS = {Action.HANDOFF_TO_HUMAN: "live-agent-handoff", Action.CLOSE_POLITELY: "closed"}
"""Actions after which the call is no longer the agent's; ``reasonCode`` of the hand-off data."""


class Call(Speaker):
    """One call. The conversation is ``customParameters.conversation_id``, else the call's id."""

    def __init__(self, connection: Connection, agent: SalesAgent, tenant: str, streams: set[Any]) -> None:
        super().__init__()
        self._connection = connection
        self._agent = agent
        self._tenant = tenant
        self._streams = streams
        self._setup: Setup | None = None
        self._parts: list[str] = []
        self._unanswered = ""
        self._language: Language | None = None

    async def hear(self, text: str) -> None:
        frame: Frame = read_frame(text, RELAY, "type", self._agent.settings.longest_body)
        match frame:
            case Setup():
                self._begin(frame)
            case Prompt():
                await self._prompted(frame)
            case Interrupt():
                await self._interrupted(frame)
            case _:
                pass

    def _begin(self, setup: Setup) -> None:
        if self._setup is not None:
            raise BadFrame(NOT_ALLOWED, "type: 'setup' came before")
        if setup.parameters.conversation_id is None and setup.call_sid is None:
            raise BadFrame(NOT_ALLOWED, "callSid: Field required, or customParameters.conversation_id")
        self._agent.shop(setup.parameters.playbook)
        self._setup = setup

    async def _prompted(self, prompt: Prompt) -> None:
        setup = self._setup
        if setup is None:
            raise BadFrame(NOT_ALLOWED, "type: 'setup' must come first")
        self._parts.append(prompt.text)
        words = " ".join("".join(self._parts).split())
        longest = self._agent.settings.longest_message
        if len(words) > longest:
            raise BadFrame(NOT_ALLOWED, f"voicePrompt: has more than {longest} characters")
        if not prompt.last:
            return
        self._parts.clear()
        if prompt.language is not None:
            self._language = _language(prompt.language) or self._language
        if not any(char.isalnum() for char in words):
            return
        await self._connection.key_holds()
        if self._speech is not None and self._speech.running:
            await self._cut(self._speech, None)
        words = f"{self._unanswered} {words}".strip()[-longest:]
        self._unanswered = ""
        post = self._post(setup, words, prompt.language)
        self._speech = Utterance(Exchange(self._agent, post, self._streams), words, self, self._fail)

    def _post(self, setup: Setup, words: str, language: str | None) -> Post:
        given = setup.parameters
        known = language if language is not None and _language(language) is not None else None
        return Post(
            conversation_id=given.conversation_id or setup.call_sid or "",
            text=words,
            tenant=self._tenant,
            playbook=given.playbook,
            channel=CHANNEL,
            locale=given.locale or known,
            customer=customer_of(given, given.customer_id),
            metadata={"direction": "outbound"} if (setup.direction or "").startswith("outbound") else None,
        )

    async def _interrupted(self, frame: Interrupt) -> None:
        if self._speech is not None:
            await self._cut(self._speech, heard_of(self._speech.sent, frame.heard))

    async def _cut(self, speech: Utterance, heard: str | None) -> None:
        """The words that got no answer, or none that was heard, go before the next ones."""
        response = await speech.cut(heard)
        if response is None or not (speech.sent if heard is None else heard).strip():
            self._unanswered = speech.words
        self._speech = None

    async def sentence(self, said: Utterance, text: str) -> None:
        language = said.exchange.language
        if language is not None and language != self._language:
            if self._language is not None:
                await self._speak_in(language)
            self._language = language
        await self._connection.send({"type": "text", "token": text, "last": False})

    async def _speak_in(self, language: Language) -> None:
        assert self._setup is not None
        book = self._agent.shop(self._setup.parameters.playbook).playbook
        code = book.locales.of(language).replace("_", "-")
        await self._connection.send({"type": "language", "ttsLanguage": code, "transcriptionLanguage": code})

    async def ended(self, said: Utterance, response: dict[str, Any]) -> None:
        await self._connection.send({"type": "text", "token": "", "last": True})
        action = response["recommended_action"]["type"]
        if action in ENDS and not response["held_by"]:
            topic = response["handoff"]
            await self._end(ENDS[action], topic or action, response["conversation_id"], response["turn_id"])

    async def _end(self, code: str, reason: str, conversation_id: str, turn_id: str | None) -> None:
        about = {"reasonCode": code, "reason": reason, "conversation_id": conversation_id, "turn_id": turn_id}
        await self._connection.send({"type": "end", "handoffData": orjson.dumps(about).decode()})

    async def _fail(self, error: Exception) -> None:
        """The platform goes on with the call as its ``action`` says."""
        assert self._setup is not None
        conversation_id = self._setup.parameters.conversation_id or self._setup.call_sid or ""
        await self._end("error", "the agent can't answer now", conversation_id, None)
        await self._connection.fail(error)


def _language(code: str) -> Language | None:
    start = code[:2].lower()
    return "es" if start == "es" else "en" if start == "en" else None


async def conversation_relay(websocket: WebSocket) -> None:
    state = websocket.app.state
    agent: SalesAgent = state.agent
    token = agent.settings.twilio_auth_token
    if token is not None:
        check_signature(websocket.scope, token.get_secret_value(), agent.settings.public_url)
    await websocket.accept()
    connection = Connection(websocket)
    await connection.attend(Call(connection, agent, websocket.state.caller.tenant, state.streams))


router = APIRouter(tags=["voice"])
router.routes.append(GuardedSocket("/ws/conversation-relay", conversation_relay, Permission.POST))
