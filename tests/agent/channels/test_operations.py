"""What an operator relies on: health, the bound on bodies, request ids, errors that keep to themselves what they saw."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx2
import pytest

from agent.errors import StoreUnavailable
from agent.settings import Settings
from tests.agent.channels.contract import MESSAGE, START, documented, refused
from tests.agent.channels.parts import Broken, building, settings_with
from tests.agent.channels.sockets import listening
from tests.conftest import serving

SECRET = "secreto-4711"
LONGEST = 64_000


async def test_the_process_says_that_it_lives_and_is_ready(api: httpx2.AsyncClient) -> None:
    alive, ready = await api.get("/livez"), await api.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["parts"] == {"store": "ok", "models": "loaded", "valkey": "absent", "events": "polling"}


async def test_without_its_store_it_lives_but_is_not_ready(settings: Settings, here: str) -> None:
    broken = Broken()
    async with serving(settings_with(settings, store_patience_s=0), building(broken=broken)) as client:
        assert (await client.post(f"{here}/message", json={"message": "hola"})).status_code == 200
        broken.fails = lambda _: StoreUnavailable("the database did not answer: OperationalError")
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        assert ready.json()["parts"]["store"] == "unreachable"
        posted = await client.post(f"{here}/message", json={"message": SECRET})
        assert SECRET not in refused(posted, 503, None, "store_unavailable")["message"]
        await documented(client, MESSAGE, posted)
        started = await client.post(START, json={})
        refused(started, 503, None, "store_unavailable")
        await documented(client, START, started)
        for method, rest in (("GET", ""), ("GET", "/messages"), ("GET", "/turns/1"), ("DELETE", "")):
            refused(await client.request(method, here + rest), 503, None, "store_unavailable")
        streamed = await client.post(f"{here}/message?stream=true", json={"message": SECRET})
        refused(streamed, 503, None, "store_unavailable")
        broken.fails = lambda _: None
        async with asyncio.timeout(30):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.1)
        assert (await client.get(here)).json()["messages"] == 2


async def test_a_turn_whose_commit_failed_is_run_again_by_the_repeat(settings: Settings, here: str) -> None:
    broken = Broken(lambda work: StoreUnavailable("gone") if work == "commit" else None)
    async with serving(settings_with(settings, store_patience_s=0), building(broken=broken)) as client:
        body = {"message": "hola", "message_id": "m-1"}
        refused(await client.post(f"{here}/message", json=body), 503, None, "store_unavailable")
        broken.fails = lambda _: None
        answer = await client.post(f"{here}/message", json=body)
        assert answer.json()["seq"] == 1
        assert len((await client.get(f"{here}/messages")).json()["messages"]) == 2


async def test_an_unexpected_fault_is_a_500_with_its_request_id_and_no_details(
    settings: Settings, here: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Broken(lambda work: RuntimeError("the engine room") if work == "arrive" else None)
    async with serving(settings_with(settings, store_patience_s=0), building(broken=broken)) as client:
        capsys.readouterr()
        answer = await client.post(f"{here}/message", json={"message": SECRET}, headers={"X-Request-ID": "call-7"})
        assert answer.status_code == 500
        assert answer.headers["x-request-id"] == "call-7"
        assert answer.json()["type"] == "internal_error"
        assert SECRET not in answer.text and "engine room" not in answer.text
        line = json.loads(capsys.readouterr().err)
        assert (line["event"], line["request_id"], line["error"]) == ("unexpected_error", "call-7", "RuntimeError")
        assert SECRET not in json.dumps(line)


async def test_no_customer_text_is_logged(settings: Settings, here: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(settings.model_copy(update={"log_level": "debug"})) as client:
        said = {"message": f"hola, soy {SECRET}", "customer_data": {"name": SECRET}}
        assert (await client.post(f"{here}/message", json=said)).status_code == 200
        await client.post(f"{here}/message", json={**said, "age": SECRET})
        await client.post(f"{here}/message", content=json.dumps(said)[:-1])
    logged = capsys.readouterr().err
    assert '"event": "turn"' in logged
    assert SECRET not in logged


@pytest.mark.parametrize("given", ["call-7", "A_b-9", "7", "a" * 80])
async def test_a_harmless_request_id_comes_back(api: httpx2.AsyncClient, here: str, given: str) -> None:
    for method, path in (("GET", "/livez"), ("GET", here), ("PUT", "/livez"), ("GET", "/nowhere"), ("POST", START)):
        answer = await api.request(method, path, headers={"X-Request-ID": given}, content=b"x" * (LONGEST + 1))
        assert answer.headers.get_list("x-request-id") == [given]
        assert answer.status_code == 413


@pytest.mark.parametrize(
    "given",
    [b"", b"a" * 81, b"a b", b"<script>", b'"', b"a\tb", b"a;b", b"\xc3\xa9 ", b"{x}", b"../a", b"--", b"%0d%0a"],
)
async def test_any_other_request_id_is_replaced(api: httpx2.AsyncClient, given: bytes) -> None:
    first, second = [await api.get("/livez", headers=[(b"X-Request-ID", given)]) for _ in range(2)]
    for answer in (first, second):
        identity = answer.headers["x-request-id"]
        assert len(identity) == 32 and identity.isalnum()
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_answers_without_a_given_request_id_have_one_of_their_own(api: httpx2.AsyncClient, here: str) -> None:
    answers = [
        await api.get("/livez"),
        await api.get(here),
        await api.post(f"{here}/message", json={"message": ""}),
        await api.post(f"{here}/message", json={"message": "hola"}, headers={"Accept": "text/event-stream"}),
        await api.delete("/livez"),
        await api.get("/nowhere"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 422, 200, 405, 404]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def padded(length: int) -> bytes:
    body = b'{"message":"hola"}'
    return body + b" " * (length - len(body))


async def chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [None, 1_000, LONGEST])
async def test_a_body_may_have_so_many_bytes_and_not_one_more(
    api: httpx2.AsyncClient, here: str, size: int | None
) -> None:
    def sent(body: bytes) -> bytes | AsyncIterator[bytes]:
        return chunks(body, size) if size else body

    headers = {"Content-Type": "application/json"}
    over = await api.post(f"{here}/message", content=sent(padded(LONGEST + 1)), headers=headers)
    refused(over, 413, "body", "body_too_large")
    await documented(api, MESSAGE, over)
    refused(await api.get(here), 404, None)
    assert (await api.post(f"{here}/message", content=sent(padded(LONGEST)), headers=headers)).status_code == 200


@pytest.mark.parametrize("length", [str(LONGEST + 1), "9" * 5_000])
async def test_a_body_that_announces_too_much_is_not_read(api: httpx2.AsyncClient, here: str, length: str) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Type": "application/json", "Content-Length": length}
    refused(await api.post(f"{here}/message", content=never(), headers=headers), 413, "body", "body_too_large")


async def test_a_chunked_body_is_given_up_as_soon_as_it_is_too_long(api: httpx2.AsyncClient, here: str) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 10_000
            yield b" " * 10_000

    refused(await api.post(f"{here}/message", content=endless()), 413, "body", "body_too_large")
    assert LONGEST < given <= LONGEST + 20_000


@pytest.mark.parametrize("body", [b'{"message":"hola"', b'{"message":"hola"}'], ids=["half", "all but the end"])
async def test_a_request_that_breaks_off_begins_no_conversation(settings: Settings, here: str, body: bytes) -> None:
    async with listening(settings) as client:
        address = urlsplit(str(client.base_url))
        for _ in range(3):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            head = f"POST {here}/message HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n")
            await writer.drain()
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        refused(await client.get(here), 404, None)
        assert (await client.post(f"{here}/message", json={"message": "hola"})).json()["seq"] == 1


async def test_what_is_not_there_is_said_in_the_same_shape(api: httpx2.AsyncClient, here: str) -> None:
    nowhere, put = await api.get(f"/{SECRET}"), await api.put(f"{here}/message", json={"message": SECRET})
    assert (nowhere.status_code, nowhere.json()["type"], nowhere.json()["problems"]) == (404, "http_error", [])
    assert (put.status_code, put.json()["type"], put.headers["allow"]) == (405, "http_error", "POST")
    assert SECRET not in nowhere.text and SECRET not in put.text


async def test_every_route_documents_its_errors(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    routes = {path: methods for path, methods in document["paths"].items() if path.startswith("/conversations")}
    assert len(routes) == 10
    for path, methods in routes.items():
        for method, route in methods.items():
            answers = route["responses"]
            assert {"413", "422", "503"} <= answers.keys(), f"{method} {path}"
            assert route["summary"], f"{method} {path}"
            errors = {
                answer["content"]["application/json"]["schema"]["$ref"]
                for code, answer in answers.items()
                if code > "4"
            }
            assert errors == {"#/components/schemas/ErrorResponse"}, f"{method} {path}"
