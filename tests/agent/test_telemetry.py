"""What stands in the log of a conversation, and what never does."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import Any, ParamSpec, TypeVar

import httpx2
import pytest
import structlog
from sqlalchemy import Connection

from agent.bootstrap import build_agent
from agent.errors import WriterFailed
from agent.settings import Settings
from agent.store.door import Door, Work, open_door
from agent.telemetry import configure, correlated
from agent.turn import Brief, Delta
from predictors.base import Dialogue, Prediction
from tests.conftest import serving

Given = ParamSpec("Given")
Result = TypeVar("Result")
Lines = list[dict[str, Any]]

SAID = (
    "hola, soy María Teresa Núñez, mi correo es maria.nunez@example.com y mi teléfono +52 55 1234 5678",
    "uf, está carísimo, yo solo tengo 12,500 pesos al mes",
    "mejor llámame al 55-1234-5678 o escribe a MARIA.NUNEZ@example.com [/red] {evil} %s\nsegunda línea",
    "va, apúntame",
)
PERSONAL = (
    "maría",
    "teresa",
    "núñez",
    "nunez",
    "example.com",
    "1234 5678",
    "1234-5678",
    "12345678",
    "12,500",
    "55 1",
    "carísimo",
    "apúntame",
)
CUSTOMER = {"name": "María Teresa Núñez", "age": 44, "email": "maria.nunez@example.com", "phone": "+525512345678"}
IDS = ("request_id", "conversation_id", "turn_id", "pipeline_id")


class Quoting:
    """A predictor that fails as careless code does: with the customer's words in the error."""

    name = version = "quoting"
    blocking = False

    def predict(self, dialogue: Dialogue) -> Prediction:
        raise ValueError(f"can't read {dialogue.text!r} of {dict(dialogue.profile)}")


class QuotingWriter:
    """A model whose provider quotes the prompt when it refuses."""

    name = "quoting"

    async def stream(self, brief: Brief) -> AsyncGenerator[Delta]:
        raise WriterFailed("server_error", f"can't answer {brief.recent[-1].text}")
        yield

    async def aclose(self) -> None:
        return None


class QuotingDoor:
    """A database that quotes the row in its error, once ``broken`` is set."""

    broken = False

    def __init__(self, door: Door) -> None:
        self._door = door

    async def run(self, work: "Work[Given, Result]", *args: Given.args, **kwargs: Given.kwargs) -> Result:
        def quoted(connection: Connection) -> Result:
            try:
                raise KeyError(f"row {args}")
            except KeyError as error:
                raise RuntimeError(f"could not write {args}") from error

        return await self._door.run(quoted if self.broken else partial(work, *args, **kwargs))

    async def aclose(self) -> None:
        await self._door.aclose()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def logged(settings: Settings) -> Settings:
    return settings.model_copy(update={"log_level": "debug", "log_format": "json"})


async def converse(client: httpx2.AsyncClient, *, stream: bool = False) -> list[httpx2.Response]:
    """The whole conversation: started with all that is known of the customer, four messages, an outcome, the end."""
    started = {"customer_data": CUSTOMER, "playbook": "ngx", "conversation_id": "c-1", "metadata": {"crm": CUSTOMER}}
    answers = [await client.post("/conversations/start", json=started)]
    for text in SAID:
        body = {"message": text, "customer_data": CUSTOMER, "platform_context": {"caller": CUSTOMER["phone"]}}
        answers.append(await client.post(f"/conversations/c-1/message?stream={stream}".lower(), json=body))
    answers.append(await client.post("/conversations/c-1/outcome", json={"outcome": "converted", "details": CUSTOMER}))
    return answers


def read(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The log, line by line. Nothing else may stand on stderr, and nothing at all on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def leaked(text: object) -> list[str]:
    shown = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
    return [piece for piece in PERSONAL if piece in shown.lower()]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_conversation_leaves_none_of_the_customers_data_in_the_log(
    logged: Settings, capsys: pytest.CaptureFixture[str], stream: bool
) -> None:
    build = partial(build_agent, predictors={"objection": Quoting(), "needs": Quoting()}, writers=[QuotingWriter()])
    async with serving(logged, build) as client:
        answers = await converse(client, stream=stream)
    assert {answer.status_code for answer in answers} <= {200, 201}
    lines = read(capsys)
    assert [line["event"] for line in lines].count("ready") == 1
    events = [line["event"] for line in lines if "request_id" in line]
    assert [events.count(event) for event in ("turn", "writer_failed")] == [len(SAID), len(SAID)]
    assert events.count("predictor_crashed") == events.count("predictor_fell_back") == 2 * len(SAID)
    assert leaked(lines) == []


async def test_every_line_of_a_turn_carries_the_same_four_ids(
    logged: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    build = partial(build_agent, predictors={"objection": Quoting()}, writers=[QuotingWriter()])
    async with serving(logged, build) as client:
        body = {"message": "hola", "playbook": "ngx"}
        headers = {"x-request-id": "req-17"}
        plain = await client.post("/conversations/c-1/message", json=body, headers=headers)
        streamed = await client.post("/conversations/c-2/message?stream=true", json=body, headers=headers)
    assert plain.headers["x-request-id"] == streamed.headers["x-request-id"] == "req-17"
    lines = [line for line in read(capsys) if "request_id" in line]
    for conversation in ("c-1", "c-2"):
        of_turn = [line for line in lines if line.get("conversation_id") == conversation]
        assert {line["event"] for line in of_turn} == {
            "predictor_crashed",
            "predictor_fell_back",
            "writer_failed",
            "turn",
        }
        assert len({tuple(line[name] for name in IDS) for line in of_turn}) == 1
        assert of_turn[0]["request_id"] == "req-17"
    assert len({line["turn_id"] for line in lines}) == len({line["pipeline_id"] for line in lines}) == 2
    assert lines[0]["turn_id"] == plain.json()["turn_id"]


async def test_two_conversations_at_once_do_not_mix_their_ids(
    logged: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(logged, partial(build_agent, writers=[QuotingWriter()])) as client:

        async def say(number: int) -> dict[str, Any]:
            url, headers = f"/conversations/c-{number}/message", {"x-request-id": f"r-{number}"}
            return (await client.post(url, json={"message": "hola"}, headers=headers)).json()

        turns = await asyncio.gather(*(say(number) for number in range(6)))
    lines = [line for line in read(capsys) if line["event"] in ("turn", "writer_failed")]
    expected = {(f"r-{number}", f"c-{number}", turn["turn_id"]) for number, turn in enumerate(turns)}
    assert {(line["request_id"], line["conversation_id"], line["turn_id"]) for line in lines} == expected
    assert len(lines) == 2 * len(turns)


async def test_a_line_after_the_turn_carries_none_of_its_ids(
    logged: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(logged) as client:
        await client.post("/conversations/c-1/message", json={"message": "hola"})
        structlog.get_logger().info("afterwards")
    assert set(read(capsys)[-1]) == {"event", "level", "timestamp"}


async def test_an_error_nobody_expected_is_logged_with_its_places_and_without_what_it_quotes(
    logged: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    door = QuotingDoor(open_door(logged.store_url))
    async with serving(logged) as _migrated:
        pass
    async with serving(logged, partial(build_agent, door=door)) as client:
        door.broken = True
        answer = await client.post("/conversations/c-1/message", json={"message": SAID[0]})
        door.broken = False
    assert answer.status_code == 500
    assert leaked(answer.text) == []
    lines = read(capsys)
    [unexpected] = [line for line in lines if line["event"] == "unexpected_error"]
    assert unexpected["error"] == "RuntimeError"
    assert "KeyError" in unexpected["exception"]
    assert "orchestrator.py" in unexpected["exception"]
    assert leaked(lines) == []


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_customer_text_is_hidden_in_both_formats_and_errors_show_no_variables(
    capsys: pytest.CaptureFixture[str], log_format: Any
) -> None:
    configure(log_format, "debug")
    said = SAID[0]
    log = structlog.get_logger()
    log.info(
        "heard", text=said, message=said, name=said, customer={"name": said}, evidence=[said], error=f"Value({said}"
    )
    try:
        raise ValueError(said)
    except ValueError:
        log.exception("failed")
    shown = capsys.readouterr().err
    assert leaked(shown.encode().decode("unicode_escape") if log_format == "json" else shown) == []
    assert f"<{len(said)} characters>" in shown
    assert "<hidden>" in shown
    assert "ValueError" in shown
    assert "test_telemetry.py" in shown


def test_customer_text_is_shown_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info", customer_text=True)
    try:
        raise ValueError(SAID[1])
    except ValueError:
        structlog.get_logger().exception("heard", text=SAID[0], customer=CUSTOMER)
    [line] = read(capsys)
    assert line["text"] == SAID[0]
    assert line["customer"] == CUSTOMER
    assert SAID[1] in line["exception"]


async def test_with_customer_text_on_a_crashed_predictor_says_on_what(
    logged: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = logged.model_copy(update={"log_customer_text": True})
    async with serving(shown, partial(build_agent, predictors={"needs": Quoting()})) as client:
        await client.post("/conversations/c-1/message", json={"message": SAID[1]})
    crashed = [line for line in read(capsys) if line["event"] == "predictor_crashed"][-1]
    assert SAID[1] in crashed["error"]


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "warning")
    for level in ("debug", "info", "warning", "error"):
        structlog.get_logger().log(getattr(logging, level.upper()), level)
    assert [line["level"] for line in read(capsys)] == ["warning", "error"]


def test_auto_writes_json_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    configure("auto")
    structlog.get_logger().info("here")
    assert [line["event"] for line in read(capsys)] == ["here"]


def test_what_a_library_warns_of_is_a_line_of_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    configure("json")
    library = logging.getLogger(f"library-{uuid.uuid4().hex}")
    library.info("chatter")
    with correlated(request_id="r-1", turn_id=None):
        try:
            raise ValueError(SAID[0])
        except ValueError:
            library.error("broke on %d", 7, exc_info=True)
    [line] = read(capsys)
    assert (line["event"], line["library"], line["level"]) == ("broke on 7", library.name, "error")
    assert line["request_id"] == "r-1"
    assert "turn_id" not in line
    assert "ValueError" in line["exception"]
    assert leaked(line) == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_processes_that_share_a_log_never_write_into_each_others_lines(unbuffered: str) -> None:
    """As the workers of a server do; most images of Python set ``PYTHONUNBUFFERED``."""
    told = "from agent.telemetry import *; configure('json'); [structlog.get_logger().info('turn', n=n) for n in range(500)]"
    command, environment = [sys.executable, "-c", told], {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    begins, ends = os.pipe()
    with os.fdopen(begins, encoding="utf-8") as log:
        workers = [subprocess.Popen(command, stderr=ends, env=environment) for _ in range(4)]
        os.close(ends)
        numbers = sorted(json.loads(line)["n"] for line in log)
    assert [worker.wait() for worker in workers] == [0] * 4
    assert numbers == sorted([*range(500)] * 4)
