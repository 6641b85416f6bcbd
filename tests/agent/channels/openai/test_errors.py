"""Whatever is wrong is said in OpenAI's own shape, and names the field."""

import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.access.caller import Role
from agent.errors import StoreUnavailable
from agent.settings import Settings
from tests.agent.access.doors import bearer, made
from tests.agent.channels.openai import calls
from tests.agent.channels.openai.calls import PATH, ask, fresh, refused, said
from tests.agent.channels.parts import Broken, building, settings_with
from tests.agent.channels.test_any_json import often, value
from tests.conftest import serving

SECRET = "secreto-4711"
HOLA = {"model": "ngx", "messages": said(SECRET)}


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": {}}, "messages"),
    ({"messages": ["hola"]}, "messages.0"),
    ({"messages": [{"content": SECRET}]}, "messages.0.role"),
    ({"messages": [{"role": "", "content": SECRET}]}, "messages.0.role"),
    ({"messages": [{"role": "assistant", "content": SECRET}]}, "messages"),
    ({"messages": [{"role": "user", "content": "x"}] * 2_001}, "messages"),
    (user(7), "messages.0.content"),
    (user({"text": SECRET}), "messages.0.content"),
    (user([SECRET]), "messages.0.content"),
    (user([{"type": "text", "text": 7}]), "messages.0.content"),
    (user(None), "messages.0.content"),
    (user(""), "messages.0.content"),
    (user(" \u200b\u00a0"), "messages.0.content"),
    (user([{"type": "image_url", "image_url": {"url": "x"}}]), "messages.0.content"),
    (user(f"{SECRET}\x00"), "messages.0.content"),
    (user(f"{SECRET}\x7f"), "messages.0.content"),
    (user(SECRET + "a" * 4_000), "messages.0.content"),
    ({"messages": [*said("hola", "sí"), *said(SECRET), *said("\x1b")]}, "messages.3.content"),
    ({"model": ""}, "model"),
    ({"model": 7}, "model"),
    ({"model": "a" * 201}, "model"),
    ({"stream": "perhaps"}, "stream"),
    ({"stream_options": []}, "stream_options"),
    ({"tools": {}}, "tools"),
    ({"tools": ["end_call"]}, "tools.0"),
    ({"tools": [{"type": "function"}] * 129}, "tools"),
    ({"metadata": []}, "metadata"),
    ({"metadata": {"conversation_id": "a b"}}, "metadata.conversation_id"),
    ({"metadata": {"conversation_id": 7}}, "metadata.conversation_id"),
    ({"metadata": {"channel": "Voice"}}, "metadata.channel"),
    ({"metadata": {"locale": "es MX"}}, "metadata.locale"),
    ({"metadata": {"customer": {"age": -1}}}, "metadata.customer.age"),
    ({"metadata": {"customer": {str(n): n for n in range(51)}}}, "metadata.customer"),
    ({"metadata": {"customer_id": "a/b"}}, "metadata.customer_id"),
    ({"call": {"id": "a" * 201}}, "call.id"),
    ({"call": "c-1"}, "call"),
    ({"customer": {"name": "a" * 201}}, "customer.name"),
    ({"elevenlabs_extra_body": {"conversation_id": ""}}, "elevenlabs_extra_body.conversation_id"),
]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("changes", "param"), WRONG, ids=[str(n) for n in range(len(WRONG))])
async def test_what_is_wrong_is_named(
    api: httpx2.AsyncClient, changes: dict[str, Any], param: str, streams: bool
) -> None:
    here = fresh()
    named = {"X-Conversation-Id": here}
    answer = await api.post(PATH, json={**HOLA, "stream": streams, **changes}, headers=named)
    error = refused(answer, 400, param, "invalid_input")
    assert error["type"] == "invalid_request_error"
    assert SECRET not in answer.text and len(answer.content) < 5_000
    assert (await api.get(f"/conversations/{here}")).status_code == 404


LONE = b'{"model":"ngx","messages":[{"role":"user","content":"hola"}],%s}'
BODIES: list[tuple[bytes, str, str]] = [
    (b"", "body", "invalid_input"),
    (b"{", "body", "invalid_input"),
    (b"[]", "body", "invalid_input"),
    (b"\xff\xfe", "body", "invalid_input"),
    (b"[" * 20_000 + b"]" * 20_000, "body", "invalid_input"),
    (b'{"messages":[{"role":"user","content":"\\ud800"}]}', "messages.0.content", "invalid_input"),
    (LONE % b'"tools":[{"function":{"name":"\\ud800"}}]', "tools.0", "invalid_input"),
    (LONE % b'"tools":[{"function":{"x":NaN}}]', "tools.0", "invalid_input"),
    (LONE % (b'"tools":[{"a":%s}]' % (b"[" * 30 + b"]" * 30)), "tools.0", "invalid_input"),
]


@pytest.mark.parametrize(("body", "param", "code"), BODIES, ids=[str(n) for n in range(len(BODIES))])
async def test_a_body_that_is_none(api: httpx2.AsyncClient, body: bytes, param: str, code: str) -> None:
    answer = await api.post(PATH, content=body, headers={"Content-Type": "application/json"})
    refused(answer, 400, param, code)


@often
@given(body=value | st.fixed_dictionaries({}, optional={
    "model": st.sampled_from(["ngx", "nope"]) | value,
    "messages": st.lists(st.fixed_dictionaries({}, optional={
        "role": st.sampled_from(["user", "assistant", "tool", "system"]) | value, "content": st.just("hola") | value,
    }), max_size=4) | value,
    "stream": st.booleans() | value,
    "tools": st.lists(st.fixed_dictionaries({"function": st.fixed_dictionaries({}, optional={
        "name": st.sampled_from(["end_call", "transfer_call"]) | value, "parameters": value, "description": value,
    })}), max_size=2) | value,
    "tool_choice": value,
    "metadata": st.dictionaries(st.sampled_from(["conversation_id", "channel", "customer"]), value) | value,
    "call": value, "customer": value, "stream_options": value, "elevenlabs_extra_body": value,
}))  # fmt: skip
async def test_any_json_is_answered_or_refused(api: httpx2.AsyncClient, body: Any) -> None:
    answer = await api.post(PATH, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 404), answer.text
    if answer.status_code != 200:
        assert answer.json()["error"]["message"]


async def test_headers_are_named_too(api: httpx2.AsyncClient) -> None:
    refused(await ask(api, "hola", to="a b"), 400, "x-conversation-id", "invalid_input")
    answer = await ask(api, "hola", to=fresh(), headers={"Idempotency-Key": "a/b"})
    refused(answer, 400, "idempotency-key", "invalid_input")


async def test_a_model_that_is_not_there(api: httpx2.AsyncClient) -> None:
    for path in (PATH, "/chat/completions"):
        error = refused(await ask(api, "hola", path=path, model="gpt-5"), 404, "model", "model_not_found")
        assert "'gpt-5'" in error["message"] and error["type"] == "invalid_request_error"
    refused(await api.get("/v1/models/gpt-5"), 404, "model", "model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/embeddings", 404),
        ("GET", "/v1", 404),
        ("GET", PATH, 405),
        ("DELETE", "/v1/models", 405),
        ("GET", "/chat/completions/1", 404),
    ],
)
async def test_what_is_not_served_below_v1(api: httpx2.AsyncClient, method: str, path: str, status: int) -> None:
    refused(await api.request(method, path), status, None, "http_error")


async def test_elsewhere_errors_are_as_they_were(api: httpx2.AsyncClient) -> None:
    for path in ("/v10/models", "/modelsx", "/conversations/none"):
        assert set((await api.get(path)).json()) == {"type", "message", "problems"}


async def test_a_body_may_be_larger_here_and_not_without_end(api: httpx2.AsyncClient) -> None:
    long = [*said(*["hola", "a" * 1_500] * 60), *said("hola")]
    assert (await ask(api, messages=long)).status_code == 200
    refused(await ask(api, messages=[*said("hola", "a" * 500_000), *said("hola")]), 413, "body", "body_too_large")


async def test_the_gates_refusals(settings: Settings) -> None:
    settings = settings_with(settings, keys="required", rate_limit="3/minute")
    desk, rep = await made(settings, Role.FRONT_END), await made(settings, Role.REP)
    async with serving(settings) as client:
        for path in (PATH, "/v1/models", "/models", "/v1/nothing"):
            answer = await client.get(path)
            error = refused(answer, 401, "authorization", "invalid_api_key")
            assert error["type"] == "authentication_error"
            assert answer.headers["www-authenticate"].startswith("Bearer")
        error = refused(await ask(client, "hola", headers=bearer(rep)), 403, None, "not_allowed")
        assert error["type"] == "permission_error"
        assert (await ask(client, "hola", headers=bearer(desk))).status_code == 200
        assert (await client.get("/v1/models", headers=bearer(desk))).status_code == 200
        answer = [await ask(client, "hola", headers=bearer(desk)) for _ in range(3)][-1]
        error = refused(answer, 429, None, "rate_limit_exceeded")
        assert error["type"] == "rate_limit_error"
        assert int(answer.headers["retry-after"]) >= 1


async def test_one_tenants_calls_are_not_anothers(settings: Settings) -> None:
    settings = settings_with(settings, keys="required", rate_limit="")
    ours, theirs = await made(settings, Role.ADMIN, "acme"), await made(settings, Role.ADMIN, "other")
    async with serving(settings) as client:
        await calls.reply_to(client, "hola", to="call-1", headers=bearer(ours))
        assert (await client.get("/conversations/call-1", headers=bearer(theirs))).status_code == 404
        await calls.reply_to(client, "hola", to="call-1", headers=bearer(theirs))
        for key in (ours, theirs):
            assert (await client.get("/conversations/call-1", headers=bearer(key))).json()["turns"] == 1


async def test_a_store_that_is_away(settings: Settings) -> None:
    broken = Broken()
    async with serving(settings_with(settings, store_patience_s=0), building(writers=[], broken=broken)) as client:
        broken.fails = lambda _: StoreUnavailable(SECRET)
        answer = await ask(client, "hola", to=fresh())
        error = refused(answer, 503, None, "store_unavailable")
        assert error["type"] == "server_error"
        broken.fails = lambda work: StoreUnavailable("gone") if work == "ending" else None
        here = fresh()
        await calls.reply_to(client, "hola", to=here)
        assert len(await calls.kept(client, here)) == 2


@pytest.mark.parametrize(
    ("fault", "code"), [(RuntimeError(SECRET), "internal_error"), (StoreUnavailable("gone"), "store_unavailable")]
)
async def test_a_fault_in_the_middle_of_a_stream(settings: Settings, fault: Exception, code: str) -> None:
    here, broken = fresh(), Broken(lambda work: fault if work == "commit" else None)
    async with serving(settings_with(settings, store_patience_s=0), building(writers=[], broken=broken)) as client:
        answer = await ask(client, "hola", to=here, stream=True)
        assert answer.status_code == 200
        last = json.loads(answer.text.split("\n\n")[-2].removeprefix("data: "))
        assert (last["error"]["type"], last["error"]["code"]) == ("server_error", code)
        assert SECRET not in answer.text
        broken.fails = lambda _: None
        assert (await calls.stream(client, "hola", to=here)).text
