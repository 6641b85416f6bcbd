"""The LangGraph subset: over raw HTTP, and with the official client, which the agent's own dependencies bring along."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import httpx2
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from agent.access.caller import Role
from agent.channels.langgraph_shapes import DetailResponse
from agent.settings import Settings
from tests.agent.access.doors import bearer, made
from tests.agent.channels.contract import exactly, refused
from tests.agent.channels.parts import Broken, building, settings_with
from tests.agent.channels.sockets import listening
from tests.agent.channels.wires import named
from tests.conftest import serving


@pytest.fixture
async def graph(settings: Settings) -> AsyncIterator[LangGraphClient]:
    async with listening(settings) as server, get_client(url=str(server.base_url), api_key=None) as client:
        yield client


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text, **more}]}


async def test_the_official_client_holds_a_conversation(graph: LangGraphClient) -> None:
    [assistant] = await graph.assistants.search(graph_id="roofing")
    thread = await graph.threads.create()
    values: dict[str, Any] = {}
    for number, text in enumerate(("hi", "how much is it?", "that's too expensive"), 1):
        parts = [part async for part in graph.runs.stream(
            thread["thread_id"], assistant["assistant_id"], input=said(text, id=f"m-{number}"),
            stream_mode=["values", "messages-tuple", "updates", "custom"],
        )]  # fmt: skip
        events = [part.event for part in parts]
        assert (events[0], events[1], events[-1]) == ("metadata", "values", "values")
        assert events.count("updates") == events.count("custom") == 1
        chunks = [part.data[0] for part in parts if part.event == "messages"]  # type: ignore[index]
        values = dict(parts[-1].data)
        assert "".join(chunk["content"] for chunk in chunks) == values["messages"][-1]["content"]
        assert {chunk["id"] for chunk in chunks} == {values["messages"][-1]["id"]}
        assert [message["type"] for message in values["messages"]] == ["human", "ai"] * number
    state = await graph.threads.get_state(thread["thread_id"])
    assert [message["content"] for message in state["values"]["messages"]] == [  # type: ignore[call-overload]
        message["content"] for message in values["messages"]
    ]
    assert state["next"] == []
    history = await graph.threads.get_history(thread["thread_id"])
    assert [len(each["values"]["messages"]) for each in history] == [6, 4, 2]  # type: ignore[call-overload]
    earlier = await graph.threads.get_history(thread["thread_id"], before=history[0]["checkpoint"], limit=1)
    assert earlier == history[1:2]
    [found] = await graph.threads.search(metadata={"graph_id": "roofing"})
    assert found["thread_id"] == thread["thread_id"]
    assert (await graph.threads.get(thread["thread_id"]))["metadata"] == found["metadata"]
    assert await graph.threads.search(metadata={"graph_id": "ngx"}) == []
    assert await graph.threads.search(ids=["nobody"]) == []


async def test_accumulated_messages_and_the_whole_at_once(graph: LangGraphClient) -> None:
    thread = uuid.uuid4().hex
    parts = [part async for part in graph.runs.stream(thread, "ngx", input=said("hola"), stream_mode="messages")]
    events = [part.event for part in parts]
    partial = [part.data[0]["content"] for part in parts if part.event == "messages/partial"]  # type: ignore[index]
    assert events == ["metadata", "messages/metadata", *["messages/partial"] * len(partial), "messages/complete"]
    assert partial == sorted(partial, key=len) and len(partial) >= 2
    assert parts[-1].data[0]["content"] == partial[-1]  # type: ignore[index]
    waited: Any = await graph.runs.wait(thread, "ngx", input={"messages": ["¿cuánto cuesta?"]})
    assert [message["type"] for message in waited["messages"]] == ["human", "ai", "human", "ai"]


async def test_a_repeated_message_is_the_same_run(graph: LangGraphClient) -> None:
    thread = uuid.uuid4().hex
    once, again = [await graph.runs.wait(thread, "ngx", input=said("hola", id="m-1")) for _ in range(2)]
    assert once["messages"][-1]["content"] == again["messages"][-1]["content"]  # type: ignore[call-overload]
    assert len(again["messages"]) == 2  # type: ignore[call-overload]


async def test_a_thread_with_a_graph_begins_at_once_and_is_there_only_once(graph: LangGraphClient) -> None:
    name = uuid.uuid4().hex
    thread = await graph.threads.create(thread_id=name, graph_id="roofing")
    assert thread["metadata"]["graph_id"] == "roofing"  # type: ignore[index]
    assert await graph.threads.create(thread_id=name, if_exists="do_nothing") == thread
    with pytest.raises(ConflictError, match="there already"):
        await graph.threads.create(thread_id=name)
    state = await graph.threads.get_state(name)
    assert state["values"] == {"messages": []}


async def test_wrong_input_raises_the_clients_own_errors(graph: LangGraphClient) -> None:
    with pytest.raises(NotFoundError, match="no conversation"):
        await graph.threads.get_state("nowhere")
    with pytest.raises(UnprocessableEntityError, match=r"^assistant_id: no such assistant"):
        _ = [part async for part in graph.runs.stream("t", "nowhere", input=said("hola"))]
    with pytest.raises(UnprocessableEntityError, match=r"^input\.messages: must not be empty"):
        _ = [part async for part in graph.runs.stream("t", "ngx", input=said(" "))]
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        await graph.runs.wait("t", "ngx", input=None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "assistant_id"),
        ({"assistant_id": "ngx"}, "input"),
        ({"assistant_id": "ngx", "input": {"messages": 5}}, "input.messages"),
        ({"assistant_id": "ngx", "input": {"messages": [5]}}, "input.messages.0"),
        ({"assistant_id": "ngx", "input": said("hola", id="a b")}, "input.messages.0.id"),
        ({"assistant_id": "ngx", "input": said("hola"), "stream_mode": "debug"}, "stream_mode.0"),
        ({"assistant_id": "ngx", "input": said("hola"), "config": {"configurable": {"locale": "?"}}}, "config."),
        ({"assistant_id": "ngx", "input": {"messages": [["ai", "hola"]]}}, "input.messages"),
    ],
)
async def test_a_wrong_run_is_refused_with_a_detail(api: httpx2.AsyncClient, given: Any, field: str) -> None:
    for deed in ("stream", "wait"):
        answer = await api.post(f"/threads/t/runs/{deed}", json=given)
        assert answer.status_code == 422
        assert exactly(DetailResponse, answer)["detail"].startswith(field)


@pytest.mark.parametrize("path", ["/threads", "/threads/t/runs/stream", "/assistants/search"])
async def test_a_body_that_is_too_large_is_refused_with_a_detail(api: httpx2.AsyncClient, path: str) -> None:
    answer = await api.post(path, content=b" " * 64_001)
    assert answer.status_code == 413
    assert exactly(DetailResponse, answer)["detail"] == "body: has more than 64000 bytes"


async def test_a_front_ends_key_sees_its_own_run_and_no_transcript(settings: Settings) -> None:
    keys = settings_with(settings, keys="required", rate_limit="")
    desk, admin = await made(keys, Role.FRONT_END), await made(keys, Role.ADMIN)
    async with serving(keys) as client:
        for text in ("hola", "¿cuánto cuesta?"):
            given = {"assistant_id": "ngx", "input": said(text), "stream_mode": ["values", "custom"]}
            answer = await client.post("/threads/t/runs/stream", json=given, headers=bearer(desk))
            events = named(answer.text)
            assert [name for name, _ in events] == ["metadata", "values", "values"]
            assert events[-1][1]["messages"][0]["content"] == text
            assert len(events[-1][1]["messages"]) == 2
        refused(await client.get("/threads/t/state", headers=bearer(desk)), 403, None, "not_allowed")
        refused(await client.post("/threads/search", json={}, headers=bearer(desk)), 403, None, "not_allowed")
        state = (await client.get("/threads/t/state", headers=bearer(admin))).json()
        assert len(state["values"]["messages"]) == 4


async def test_info_and_assistants(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/info")).json()["flags"]["assistants"] is True
    found = (await api.post("/assistants/search", json={})).json()
    assert [assistant["graph_id"] for assistant in found] == ["ngx", "roofing"]
    assert (await api.post("/assistants/search", json={"offset": 1, "limit": 1})).json() == found[1:]


async def test_a_fault_after_the_first_sentence_is_an_error_event(settings: Settings) -> None:
    broken = Broken(lambda work: RuntimeError("secreto-4711") if work == "commit" else None)
    async with serving(settings, building(writers=[], broken=broken)) as client:
        given = {"assistant_id": "ngx", "input": said("hola"), "stream_mode": "messages-tuple"}
        answer = await client.post("/threads/t/runs/stream", json=given)
        name, error = named(answer.text)[-1]
        assert (name, error["error"]) == ("error", "internal_error")
        assert "secreto" not in answer.text
