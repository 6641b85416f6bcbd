"""The person beside the agent, over HTTP: takes over, writes, hands back, judges; and everything that is wrong."""

import asyncio
from typing import Any

import httpx2
import pytest

from agent.access.caller import Role
from agent.settings import Settings
from agent.store import audit
from tests.agent.access.doors import bearer, made, opened
from tests.agent.channels.contract import MESSAGE, MESSAGES, READ, TURN, documented, refused
from tests.agent.channels.parts import settings_with
from tests.conftest import serving

TAKEOVER = "/conversations/{conversation_id}/takeover"
HANDBACK = "/conversations/{conversation_id}/handback"
FEEDBACK = "/conversations/{conversation_id}/suggestions/{turn_id}/feedback"
ANA = {"actor": "ana"}


async def say(api: httpx2.AsyncClient, here: str, text: str = "hola") -> dict[str, Any]:
    return await documented(api, MESSAGE, await api.post(f"{here}/message", json={"message": text}))


async def test_a_person_has_the_conversation_until_he_hands_it_back(api: httpx2.AsyncClient, here: str) -> None:
    await say(api, here)
    taken = await documented(api, TAKEOVER, await api.post(f"{here}/takeover", json={**ANA, "reason": "angry"}))
    assert taken["held"]["actor"] == "ana"
    assert (await documented(api, READ, await api.get(here)))["held"] == taken["held"]
    held = await say(api, here, "es muy caro")
    assert (held["response"], held["held_by"]) == ("", "person") and held["talking_points"]
    written = await api.post(f"{here}/messages", json={**ANA, "text": "Le ayudo yo.", "message_id": "p-1"})
    assert written.status_code == 201
    content = await documented(api, MESSAGES, written)
    again = await api.post(f"{here}/messages", json={**ANA, "text": "Le ayudo yo.", "message_id": "p-1"})
    assert (again.status_code, again.json()) == (200, content)
    back = await documented(api, HANDBACK, await api.post(f"{here}/handback", json=ANA))
    assert back["held"] is None
    assert (await documented(api, READ, await api.get(here)))["held"] is None
    assert (await say(api, here, "y el horario?"))["response"]
    rows = (await documented(api, MESSAGES, await api.get(f"{here}/messages")))["messages"]
    assert [row["role"] for row in rows] == ["customer", "agent", "customer", "agent", "person", "customer", "agent"]


async def test_a_streamed_turn_that_a_person_answers_has_no_sentence(api: httpx2.AsyncClient, here: str) -> None:
    await say(api, here)
    await api.post(f"{here}/takeover", json=ANA)
    answer = await api.post(f"{here}/message?stream=true", json={"message": "y el precio?"})
    assert "event: sentence" not in answer.text and "event: done" in answer.text


async def test_an_idempotency_key_is_a_message_id(api: httpx2.AsyncClient, here: str) -> None:
    await say(api, here)
    await api.post(f"{here}/takeover", json=ANA)
    headers = {"Idempotency-Key": "k-1"}
    sent = [await api.post(f"{here}/messages", json={**ANA, "text": "Hola."}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [201, 200]
    other = await api.post(f"{here}/messages", json={**ANA, "text": "Adiós."}, headers=headers)
    refused(other, 422, "message_id", "message_id_reused")


async def test_what_makes_no_sense_now_is_a_conflict(api: httpx2.AsyncClient, here: str) -> None:
    for path, body in (("takeover", ANA), ("handback", ANA), ("messages", {**ANA, "text": "x"})):
        refused(await api.post(f"{here}/{path}", json=body), 404, None, "unknown_conversation")
    await say(api, here)
    refused(await api.post(f"{here}/handback", json=ANA), 409, None, "not_held")
    refused(await api.post(f"{here}/messages", json={**ANA, "text": "x"}), 409, None, "not_held")
    await api.post(f"{here}/takeover", json=ANA)
    refused(await api.post(f"{here}/takeover", json={"actor": "pedro"}), 409, "actor", "held_already")
    refused(await api.post(f"{here}/messages", json={"actor": "pedro", "text": "x"}), 409, "actor", "held_already")


async def test_of_many_who_take_over_at_once_one_has_it(api: httpx2.AsyncClient, here: str) -> None:
    await say(api, here)
    answers = await asyncio.gather(*(api.post(f"{here}/takeover", json={"actor": f"rep {n}"}) for n in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19


async def test_feedback_is_kept_and_stands_in_the_ledger(api: httpx2.AsyncClient, here: str) -> None:
    turn = await say(api, here)
    path = f"{here}/suggestions/{turn['turn_id']}/feedback"
    for number, action in enumerate(("used", "edited", "dismissed", "wrong"), start=1):
        answer = await api.post(
            path, json={"action": action, **ANA, "reason": None if number % 2 else "demasiado largo"}
        )
        content = await documented(api, FEEDBACK, answer)
        assert (content["number"], content["turn_id"]) == (number, turn["turn_id"])
    by_number = await api.post(f"{here}/suggestions/1/feedback", json={"action": "used", "actor": "pedro"})
    assert by_number.json()["turn_id"] == turn["turn_id"]
    ledger = await documented(api, TURN, await api.get(f"{here}/turns/{turn['turn_id']}"))
    assert [one["action"] for one in ledger["feedback"]] == ["used", "edited", "dismissed", "wrong", "used"]
    refused(await api.post(f"{here}/suggestions/nope/feedback", json={"action": "used", **ANA}), 404, None)
    await api.delete(here)
    refused(await api.post(path, json={"action": "used", **ANA}), 404, None, "unknown_conversation")


WRONG: list[tuple[str, bytes, str]] = [
    ("takeover", b"{}", "actor"),
    ("takeover", b"[]", "body"),
    ("takeover", b"{", "body"),
    ("takeover", b'{"actor":""}', "actor"),
    ("takeover", b'{"actor":" \\u200b "}', "actor"),
    ("takeover", b'{"actor":7}', "actor"),
    ("takeover", b'{"actor":"a\\u0000"}', "actor"),
    ("takeover", b'{"actor":"' + b"a" * 201 + b'"}', "actor"),
    ("takeover", b'{"actor":"a","reason":""}', "reason"),
    ("takeover", b'{"actor":"a","tenant":"other"}', "tenant"),
    ("handback", b"{}", "actor"),
    ("handback", b'{"actor":null}', "actor"),
    ("messages", b'{"actor":"a"}', "text"),
    ("messages", b'{"actor":"a","text":""}', "text"),
    ("messages", b'{"actor":"a","text":"' + b"x" * 4_001 + b'"}', "text"),
    ("messages", b'{"actor":"a","text":"\\ud800"}', "text"),
    ("messages", b'{"actor":"a","text":"x","message_id":"a b"}', "message_id"),
    ("messages", b'{"actor":"a","text":"x","role":"customer"}', "role"),
    ("suggestions/1/feedback", b'{"actor":"a"}', "action"),
    ("suggestions/1/feedback", b'{"actor":"a","action":"loved"}', "action"),
    ("suggestions/1/feedback", b'{"actor":"a","action":"used","reason":"' + b"x" * 1_001 + b'"}', "reason"),
    ("suggestions/a.b/feedback", b'{"actor":"a","action":"used"}', "turn_id"),
]


@pytest.mark.parametrize(("path", "body", "field"), WRONG)
async def test_wrong_input_names_the_field(
    api: httpx2.AsyncClient, here: str, path: str, body: bytes, field: str
) -> None:
    await say(api, here)
    headers = {"Content-Type": "application/json"}
    refused(await api.post(f"{here}/{path}", content=body, headers=headers), 422, field, "invalid_input")


async def test_a_person_may_not_write_more_than_a_customer(settings: Settings, here: str) -> None:
    async with serving(settings_with(settings, longest_message=20)) as client:
        await client.post(f"{here}/message", json={"message": "hola"})
        await client.post(f"{here}/takeover", json=ANA)
        refused(await client.post(f"{here}/messages", json={**ANA, "text": "x" * 21}), 422, "text")


async def test_roles_tenants_and_the_audit_log(settings: Settings, here: str) -> None:
    given = settings_with(settings, keys="required", rate_limit="")
    desk, rep, qa = [bearer(await made(given, role)) for role in (Role.FRONT_END, Role.REP, Role.QA)]
    foreign = bearer(await made(given, Role.ADMIN, "other"))
    async with serving(given) as client:
        turn = (await client.post(f"{here}/message", json={"message": "hola"}, headers=desk)).json()
        judging = f"suggestions/{turn['turn_id']}/feedback"
        calls: list[tuple[str, dict[str, str]]] = [
            ("takeover", ANA), ("messages", {**ANA, "text": "Hola."}), ("handback", ANA),
            (judging, {**ANA, "action": "used"}),
        ]  # fmt: skip
        for path, body in calls:
            for nobody in (desk, qa):
                refused(await client.post(f"{here}/{path}", json=body, headers=nobody), 403, None, "not_allowed")
            refused(await client.post(f"{here}/{path}", json=body, headers=foreign), 404, None)
            assert (await client.post(f"{here}/{path}", json=body, headers=rep)).status_code in (200, 201)
    name = here.rpartition("/")[2]
    async with opened(given.store_url) as door:
        rows = await door.run(audit.read, "acme")
        assert (await door.run(audit.verify, "acme")).broken is None
    done = [(row.deed.role, row.deed.action, row.deed.target) for row in rows if row.deed.outcome == "done"]
    assert done == [
        ("rep", "conversation_taken_over", name), ("rep", "person_wrote", name), ("rep", "conversation_handed_back", name),
        ("rep", "suggestion_judged", f"{name}/{turn['turn_id']}"),
    ]  # fmt: skip
