"""Whatever is sent, the server does not fall over: it answers the turn, or it names what is wrong."""

import json
import uuid
from typing import Any

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.channels import shapes
from tests.agent.channels.contract import MESSAGE, OUTCOME, START, documented, exactly

often = settings(max_examples=50, deadline=None, derandomize=True, database=None)
text = st.text(st.characters(codec=None), max_size=40)
"""Lone surrogates, control characters and all; they travel as JSON escapes."""
number = st.one_of(st.integers(), st.integers(-(10**40), 10**40), st.floats(allow_nan=True, allow_infinity=True))
leaf = st.one_of(st.none(), st.booleans(), number, text)
value = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12
)
good: dict[str, st.SearchStrategy[Any]] = {
    "message": st.sampled_from(["hola", "how much?", "¿cuánto cuesta? ya no me escriban", "lo pienso"]),
    "message_id": st.sampled_from(["m-1", "m-2"]),
    "playbook": st.sampled_from(["ngx", "roofing"]),
    "channel": st.sampled_from(["chat", "voice"]),
    "locale": st.sampled_from(["es-MX", "en_US", "fr", "zz-Zzzz-999"]),
    "customer_data": st.dictionaries(st.sampled_from(["name", "age", "city"]) | text, leaf, max_size=4),
}


def nearly(*more: str) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies with the right fields, in which any may be missing and any may hold anything."""
    fields = {**good, **{name: st.dictionaries(text, value, max_size=3) for name in more}}
    return st.fixed_dictionaries({}, optional={name: kind | value for name, kind in fields.items()})


async def sent(client: httpx2.AsyncClient, path: str, body: bytes) -> httpx2.Response:
    return await client.post(path, content=body, headers={"Content-Type": "application/json"})


async def answered(client: httpx2.AsyncClient, route: str, answer: httpx2.Response) -> None:
    assert answer.status_code < 500, answer.text
    content = await documented(client, route, answer)
    if answer.status_code >= 400:
        assert content["problems"] and content["message"]


@often
@given(body=value | nearly("platform_context"))
async def test_any_json_to_message_is_answered_or_refused(api: httpx2.AsyncClient, body: Any) -> None:
    here = f"/conversations/{uuid.uuid4().hex}"
    answer = await sent(api, f"{here}/message", json.dumps(body).encode())
    await answered(api, MESSAGE, answer)
    assert (await api.get(here)).status_code == (200 if answer.status_code == 200 else 404)


@often
@given(
    body=st.fixed_dictionaries(
        {"message": good["message"]}, optional={"platform_context": st.dictionaries(text, value)}
    )
)
async def test_what_is_accepted_can_be_read_again(api: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    here = f"/conversations/{uuid.uuid4().hex}"
    answer = await sent(api, f"{here}/message", json.dumps(body).encode())
    await answered(api, MESSAGE, answer)
    if answer.status_code == 200:
        kept = exactly(shapes.TurnLedger, await api.get(f"{here}/turns/1"))
        assert kept["platform_context"] == body.get("platform_context", {})


@often
@given(body=value | nearly("metadata"))
async def test_any_json_to_start_is_answered_or_refused(api: httpx2.AsyncClient, body: Any) -> None:
    answer = await sent(api, START, json.dumps(body).encode())
    await answered(api, START, answer)
    if answer.status_code == 201:
        started = answer.json()
        again = await sent(api, START, json.dumps({**body, "conversation_id": started["conversation_id"]}).encode())
        assert (again.status_code, again.json()) == (200, started)


@often
@given(identity=text.filter(bool))
async def test_any_conversation_id_is_taken_or_refused(api: httpx2.AsyncClient, identity: str) -> None:
    await answered(api, START, await sent(api, START, json.dumps({"conversation_id": identity}).encode()))


@often
@given(body=value | st.fixed_dictionaries({"outcome": st.just("lost")}, optional={"value": number, "details": value}))
async def test_any_json_to_outcome_is_answered_or_refused(api: httpx2.AsyncClient, body: Any) -> None:
    started = (await sent(api, START, b"{}")).json()
    path = f"/conversations/{started['conversation_id']}/outcome"
    await answered(api, OUTCOME, await sent(api, path, json.dumps(body).encode()))


@often
@given(body=st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b'{"message":"' + tail))
async def test_any_bytes_are_refused_or_answered(api: httpx2.AsyncClient, body: bytes) -> None:
    for route, path in ((MESSAGE, f"/conversations/{uuid.uuid4().hex}/message"), (START, START)):
        await answered(api, route, await sent(api, path, body))


@often
@given(said=st.text(min_size=1, max_size=200))
async def test_any_text_a_customer_may_write_is_answered_in_a_language(api: httpx2.AsyncClient, said: str) -> None:
    here = f"/conversations/{uuid.uuid4().hex}"
    answer = await sent(api, f"{here}/message", json.dumps({"message": said}).encode())
    await answered(api, MESSAGE, answer)
    if answer.status_code == 200:
        assert answer.json()["response"].strip()
        assert answer.json()["language"] in ("es", "en")
