"""Tools that a front-end offers: called when the decision says so, with arguments that its own schema allows."""

import json
from typing import Any

import httpx2
import pytest
import yaml

from agent.channels.openai.arguments import Wanted, arguments_for, numbers_in
from agent.settings import Settings
from prompts import PLAYBOOKS
from tests.agent.channels.openai.calls import Json, ask, fresh, reply_to, said, stream, tool
from tests.agent.channels.parts import settings_with
from tests.conftest import serving

TEXT = {"type": "string"}
BYE, PERSON, STOP = "gracias, adiós, hasta luego", "quiero hablar con una persona", "no me escriban más"
BUY = "me convence, lo compro, ¡me apunto ya!"
ES = {"metadata": {"locale": "es"}}
END = tool("end_call", "reason", reason=TEXT, message=TEXT)
VAPI_END: Json = {
    "type": "function",
    "function": {"name": "endCall", "parameters": {"type": "object", "properties": {}}},
}
VAPI_TRANSFER = tool("transferCall", "destination", destination={"type": "string", "enum": ["+15550100", "+15550111"]})
ELEVEN_TRANSFER = tool(
    "transfer_to_number",
    *("reason", "transfer_number", "client_message", "agent_message"),
    reason=TEXT,
    transfer_number={"type": "string", "description": "E.164"},
    client_message=TEXT,
    agent_message=TEXT,
    described="Transfers the call. Rules: +1 (555) 010-0199 when the customer wants a person.",
)
LANGUAGE = tool(
    "language_detection", "reason", "language", reason=TEXT, language={"type": "string", "enum": ["es", "en-US"]}
)
SKIP = tool("skip_turn", reason=TEXT)
WEATHER = tool("get_weather", "city", city=TEXT)


async def begun(client: httpx2.AsyncClient) -> tuple[str, list[str]]:
    """A conversation that has begun, and what was said in it."""
    here, hello = fresh(), "hola, ¿cuánto cuesta?"
    return here, [hello, await reply_to(client, hello, to=here, **ES)]


async def called(client: httpx2.AsyncClient, text: str, *tools: Json, **more: Any) -> list[tuple[str, Json]]:
    """The calls of a second turn, the same whether streamed or not."""
    found: list[list[tuple[str, Json]]] = []
    for streams in (False, True):
        here, talk = await begun(client)
        given = {**ES, "tools": list(tools), **more}
        if streams:
            answer = await stream(client, *talk, text, to=here, **given)
            calls, finish, content = answer.calls, answer.finish, answer.text
        else:
            [choice] = (await ask(client, *talk, text, to=here, **given)).json()["choices"]
            calls, finish = choice["message"].get("tool_calls", []), choice["finish_reason"]
            content = choice["message"]["content"]
        assert finish == ("tool_calls" if calls else "stop")
        assert content
        assert len({call["id"] for call in calls}) == len(calls)
        found.append([(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls])
    assert found[0] == found[1]
    return found[0]


async def test_a_goodbye_ends_the_call(api: httpx2.AsyncClient) -> None:
    assert await called(api, BYE, WEATHER, END) == [("end_call", {"reason": "the conversation is over"})]
    assert await called(api, BYE, VAPI_TRANSFER, VAPI_END) == [("endCall", {})]
    assert [name for name, _ in await called(api, STOP, END)] == ["end_call"]


async def test_a_sale_ends_no_call_the_thanks_after_it_do(api: httpx2.AsyncClient) -> None:
    here, talk = await begun(api)
    more: Json = {"to": here, "tools": [END], **ES}
    bought = await stream(api, *talk, BUY, **more)
    turn = (await api.get(f"/conversations/{here}/turns/2")).json()
    assert (turn["decision"]["action"], bought.calls) == ("confirm_sale", [])
    over = await stream(api, *talk, BUY, bought.text, BYE, **more)
    assert [call["function"]["name"] for call in over.calls] == ["end_call"]


async def test_a_wish_for_a_person_transfers(api: httpx2.AsyncClient) -> None:
    reason = "a person has to take over: wants human"
    assert await called(api, PERSON, END, VAPI_TRANSFER) == [("transferCall", {"destination": "+15550100"})]
    assert await called(api, PERSON, ELEVEN_TRANSFER) == [
        (
            "transfer_to_number",
            {
                "reason": reason,
                "transfer_number": "+1 (555) 010-0199",
                "client_message": "",
                "agent_message": reason,
            },
        )
    ]
    livekit = tool("transfer_call", summary=TEXT)
    assert await called(api, PERSON, livekit) == [("transfer_call", {"summary": reason})]


async def test_only_what_is_offered_is_called_and_only_when_it_is_due(api: httpx2.AsyncClient) -> None:
    assert await called(api, BYE, WEATHER, ELEVEN_TRANSFER, LANGUAGE, SKIP) == []
    assert await called(api, PERSON, END, SKIP) == []
    assert await called(api, "hola, ¿cuánto cuesta?", END, VAPI_TRANSFER, LANGUAGE, SKIP) == []


async def test_the_callers_choice_is_kept_to(api: httpx2.AsyncClient) -> None:
    assert await called(api, BYE, END, tool_choice="none") == []
    assert len(await called(api, BYE, END, tool_choice="auto")) == 1
    other = {"type": "function", "function": {"name": "get_weather"}}
    assert await called(api, BYE, WEATHER, END, tool_choice=other) == []
    this = {"type": "function", "function": {"name": "end_call"}}
    assert len(await called(api, BYE, WEATHER, END, tool_choice=this)) == 1


async def test_what_is_required_and_not_known_is_not_made_up(api: httpx2.AsyncClient) -> None:
    nowhere = tool("transfer_to_number", "number", number={"type": "string"}, described="Ask for the code 1234.")
    assert await called(api, PERSON, nowhere) == []
    assert await called(api, BYE, tool("end_call", "satisfaction", satisfaction={"type": "integer"})) == []
    assert [name for name, _ in await called(api, PERSON, nowhere, VAPI_TRANSFER)] == ["transferCall"]


async def test_another_language_is_told(api: httpx2.AsyncClient) -> None:
    here = fresh()
    more: Json = {"to": here, "tools": [LANGUAGE, END], **ES}
    first = await stream(api, "hola, ¿cuánto cuesta el programa?", **more)
    assert first.calls == []
    talk = ["hola, ¿cuánto cuesta el programa?", first.text, "sorry, can we speak English please?"]
    second = await stream(api, *talk, **more)
    [call] = second.calls
    assert call["function"]["name"] == "language_detection"
    assert json.loads(call["function"]["arguments"]) == {
        "reason": "the customer speaks another language now: en",
        "language": "en-US",
    }
    assert second.finish == "tool_calls"
    third = await stream(api, *talk, second.text, "how long does the program take?", **more)
    assert third.calls == []


async def test_who_wants_silence_is_not_spoken_to(settings: Settings) -> None:
    book = yaml.safe_load((PLAYBOOKS / "ngx.yaml").read_text(encoding="utf-8"))
    del book["opt_out"]["afterwards"]
    book["opt_out"]["silent_afterwards"] = True
    folder = settings.data_dir / "books"
    folder.mkdir()
    (folder / "ngx.yaml").write_text(yaml.safe_dump(book, allow_unicode=True), encoding="utf-8")
    async with serving(settings_with(settings, playbooks_dir=folder)) as client:
        for tools, name in (([SKIP], "skip_turn"), ([SKIP, END], "end_call"), ([], None)):
            here = fresh()
            first = await reply_to(client, STOP, to=here)
            answer = await stream(client, STOP, first, "hola", to=here, tools=tools)
            assert answer.text == ""
            assert [call["function"]["name"] for call in answer.calls] == ([name] if name else [])


@pytest.mark.parametrize("text", [BYE, PERSON])
async def test_while_a_person_has_the_conversation_nothing_is_ended_or_transferred(
    api: httpx2.AsyncClient, text: str
) -> None:
    here, talk = await begun(api)
    assert (await api.post(f"/conversations/{here}/takeover", json={"actor": "Eva"})).status_code == 200
    answer = await stream(api, *talk, text, to=here, tools=[END, VAPI_TRANSFER], **ES)
    assert (answer.text, answer.calls, answer.finish) == ("", [], "stop")
    more = [*said(*talk, text), {"role": "user", "content": text}]
    answer = await stream(api, messages=more, to=here, tools=[END, VAPI_TRANSFER, SKIP], **ES)
    assert [call["function"]["name"] for call in answer.calls] == ["skip_turn"]


async def test_a_call_comes_once_and_its_result_is_no_turn(api: httpx2.AsyncClient) -> None:
    here, talk = await begun(api)
    more: Json = {"to": here, "tools": [END], **ES}
    answer = (await ask(api, *talk, BYE, **more)).json()["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": answer["tool_calls"][0]["id"], "content": '{"status": "ok"}'}
    after = (await ask(api, messages=[*said(*talk, BYE), answer, result], **more)).json()["choices"][0]
    assert (after["message"]["content"], after["finish_reason"]) == ("", "stop")
    assert (await api.get(f"/conversations/{here}")).json()["turns"] == 2


WANTED = Wanted("because", "legal", "en")


def schema(*required: str, **properties: Any) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        ({"type": "object"}, {}),
        ({"properties": [], "required": "reason"}, {}),
        (schema("reason"), {"reason": "because"}),
        (schema("x"), None),
        (schema("x", x={"const": 7}), {"x": 7}),
        (schema("x", x={"default": [1]}), {"x": [1]}),
        (schema("x", x={"enum": ["only"]}), {"x": "only"}),
        (schema("x", x={"enum": ["a", "b"]}), None),
        (schema("x", x={"type": ["string", "null"]}), {"x": None}),
        (schema("reason", reason={"type": "integer"}), None),
        (schema("reason", reason={"type": "string", "maxLength": 3}), None),
        (schema("reason", reason={"type": "string", "pattern": "^[A-Z]+$"}), None),
        (schema(reason={"type": "string", "enum": ["a", "b"]}), {}),
        (schema("destination", destination={"enum": ["sales", "legal desk"]}), {"destination": "legal desk"}),
        (schema("destination", destination={"enum": ["sales", "billing"]}), {"destination": "sales"}),
        (schema("destination", destination={"type": "string", "default": "+15550100"}), {"destination": "+15550100"}),
        (schema("number", number={"type": "string", "description": "is 555-010-0123"}), {"number": "555-010-0123"}),
        (
            schema(
                "destination",
                destination=schema("type", "number", type={"const": "number"}, number={"enum": ["+15550100"]}),
            ),
            {"destination": {"type": "number", "number": "+15550100"}},
        ),
        (schema(destination=schema("number", number={"type": "string"})), {}),
        (schema("language", language={"enum": ["es", "EN"]}), {"language": "EN"}),
        (schema("language", language={"enum": ["es"]}), None),
        (schema("message", message={"type": "string", "minLength": 1}), None),
    ],
)
def test_arguments_out_of_a_schema(given: Json, found: Json | None) -> None:
    assert arguments_for(given, "", WANTED) == found


def test_arguments_of_a_schema_without_end() -> None:
    endless: Json = {"type": "object", "required": ["to"], "properties": {}}
    endless["properties"]["to"] = endless
    assert arguments_for(endless, "", WANTED) is None


def test_numbers_in_a_description() -> None:
    text = "Call +1 555 010-0199, 12-34, 2026, sip:desk@acme.test or (555) 010 0123. Order 12345678901234567890."
    assert numbers_in(text) == ["+1 555 010-0199", "sip:desk@acme.test", "(555) 010 0123"]
    for text in (
        "e.g. +15550100199",
        "for example: +15550100199",
        "in a format like +15550100199",
        "since 2026-11-21 10",
    ):
        assert numbers_in(text) == [], text
