"""Who may open a telephone's socket: keys, tenants, roles, signatures and origins; and how sockets end with the process."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent.access.caller import Permission, Role
from agent.access.route import GuardedSocket, unguarded
from agent.channels.voice.frames import RELAY as RELAY_KINDS
from agent.channels.voice.frames import RETELL as RETELL_KINDS
from agent.channels.voice.frames import BadFrame, read_frame
from agent.channels.voice.signature import signature
from agent.settings import Settings
from server import create_app
from tests.agent.access.doors import bearer, made, revoked
from tests.agent.channels.voice.calls import RELAY, Caller, House, Line, house
from tests.scripted_model import GOOD, Answer, ScriptedModel
from tests.server import served

TOKEN = "t0ken"
REQUIRED = {"keys": "required", "key_cache_s": 0.0}


async def refused(server: House, path: str, status: int, **options: Any) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with server.dial(path, **options):
            pass
    assert error.value.status == status


@pytest.mark.parametrize("path", [RELAY, "/ws/retell/c-1"])
async def test_without_a_key_that_may_post_no_socket_opens(settings: Settings, path: str) -> None:
    rep, front_end = await made(settings, Role.REP), await made(settings, Role.FRONT_END)
    async with house(settings, **REQUIRED) as server:
        await refused(server, path, 401)
        await refused(server, f"{path}?api_key=sa_nonsense", 401)
        await refused(server, path, 403, headers=bearer(rep))
        await refused(server, f"{path}?api_key={rep.text}", 403)
        async with server.dial(path, headers=bearer(front_end)), server.dial(f"{path}?api_key={front_end.text}"):
            pass


async def test_a_socket_counts_as_a_request(settings: Settings) -> None:
    async with house(settings, rate_limit="1/hour") as server:
        async with server.dial(RELAY):
            pass
        await refused(server, RELAY, 429)


async def test_over_http_a_key_in_the_address_is_none(settings: Settings) -> None:
    key = await made(settings, Role.FRONT_END)
    async with house(settings, **REQUIRED) as server:
        assert (await server.client.get(f"/conversations/x?api_key={key.text}")).status_code == 401


async def test_a_call_belongs_to_the_tenant_of_its_key(settings: Settings) -> None:
    ours, theirs = await made(settings, Role.ADMIN, "ours"), await made(settings, Role.ADMIN, "theirs")
    async with house(settings, **REQUIRED) as server:
        for key, words in ((ours, "hello from us"), (theirs, "hello from them")):
            async with server.relay(headers=bearer(key)) as caller:
                await caller.setup(conversation_id="same")
                await caller.says(words)
                await caller.hears()
        assert (await server.stored("same", bearer(ours)))[0] == ("customer", "hello from us")
        assert (await server.stored("same", bearer(theirs)))[0] == ("customer", "hello from them")
        assert len(await server.stored("same", bearer(theirs))) == 2


async def test_a_key_that_was_revoked_ends_the_call(settings: Settings) -> None:
    key = await made(settings, Role.FRONT_END)
    async with house(settings, **REQUIRED) as server, server.relay(headers=bearer(key)) as caller:
        await caller.setup()
        await caller.says("hello there")
        await caller.hears()
        await revoked(settings, key)
        await caller.says("and now?")
        code, reason = await caller.line.ended()
        assert (code, reason.partition(":")[0]) == (1008, "authorization")


@pytest.mark.parametrize("public", ["", "https://voice.example.com/agent"])
async def test_with_a_secret_only_signed_calls_come_in(settings: Settings, public: str) -> None:
    secret = Settings(twilio_auth_token=TOKEN, public_url=public)  # pyright: ignore[reportArgumentType]
    changes = {"twilio_auth_token": secret.twilio_auth_token, "public_url": public}
    async with house(settings, **changes) as server:
        here = str(server.client.base_url).rstrip("/").replace("http", "wss")
        url = f"{public.replace('https', 'wss') or here}{RELAY}?x=1"
        for given in ({}, {"X-Twilio-Signature": signature(url, "other")}, {"X-Twilio-Signature": "é"}):
            await refused(server, f"{RELAY}?x=1", 401, headers=given)
        right = {"X-Twilio-Signature": signature(url, TOKEN)}
        await refused(server, f"{RELAY}?x=2", 401, headers=right)
        async with server.relay("?x=1", headers=right) as caller:
            await caller.setup()
            await caller.says("hello there")
            assert (await caller.hears()).said


def test_the_signature_is_twilios() -> None:
    """Of a handshake without form fields; figure made with Twilio's own rule, by openssl."""
    assert signature("wss://voice.example.com/ws/conversation-relay", TOKEN) == "5mb/tRXyykWxsuWzwbd2X8dKleQ="


async def test_a_page_of_another_site_opens_no_socket(settings: Settings) -> None:
    async with house(settings, cors_origins="https://shop.example.com") as server:
        await refused(server, RELAY, 403, headers={"Origin": "https://evil.example.com"})
        here = str(server.client.base_url).rstrip("/")
        for origin in (here, "https://shop.example.com"):
            async with server.dial(RELAY, headers={"Origin": origin}):
                pass


def test_a_socket_without_a_permission_is_not_served() -> None:
    async def leak(websocket: object) -> None: ...

    app = create_app(Settings())
    app.add_api_websocket_route("/leak", leak)
    assert unguarded(app.routes) == ["/leak"]
    app = create_app(Settings())
    app.router.routes.append(GuardedSocket("/calls", leak, Permission.POST))
    assert unguarded(app.routes) == []


async def test_the_end_of_the_process_waits_for_the_reply_and_then_closes(settings: Settings) -> None:
    words = json.dumps(GOOD)
    async with ScriptedModel(default=Answer(words, gap=0.1)) as model:
        given = {"models": "openai", "openai_api_key": "k", "openai_base_url": model.openai_url, "filler_after_s": 60}
        async with served(settings.data_dir, **given) as server, aiohttp.ClientSession() as session:
            url = f"{str(server.client.base_url).rstrip('/')}{RELAY}"
            async with session.ws_connect(url) as idle, session.ws_connect(url) as busy:
                caller = Caller(Line(busy))
                await caller.setup(conversation_id="c-1")
                await caller.says("hello there")
                async with asyncio.timeout(60):
                    while model.started == 0:
                        await asyncio.sleep(0.01)
                server.stop()
                assert (await Line(idle).ended())[0] == 1012
                heard = await caller.hears()
                assert heard.said.endswith(GOOD["reply"])
                assert (await caller.line.ended())[0] == 1012
            assert (await server.ended())[0] == 0


SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KINDS = ["setup", "prompt", "interrupt", "dtmf", "ping_pong", "update_only", "response_required", "call_details"]
NAMES = [
    "type", "interaction_type", "callSid", "customParameters", "voicePrompt", "lang", "last", "utteranceUntilInterrupt",
    "response_id", "transcript", "timestamp", "digit",
]  # fmt: skip
FRAMES = st.dictionaries(st.sampled_from(NAMES), SCRAPS | st.sampled_from(KINDS), max_size=6)


@given(frame=FRAMES, kind=st.sampled_from(KINDS))
@hypothesis_settings(max_examples=400)
def test_no_frame_breaks_the_reader(frame: dict[str, Any], kind: str) -> None:
    """It is read, or refused with a field and a code that says whose fault it is."""
    for kinds, tag in ((RELAY_KINDS, "type"), (RETELL_KINDS, "interaction_type")):
        try:
            read_frame(json.dumps({**frame, tag: kind}), kinds, tag)
        except BadFrame as bad:
            assert bad.code in (1007, 1008)
            assert ": " in bad.reason
