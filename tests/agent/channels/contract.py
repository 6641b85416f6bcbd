"""The published contract: what the OpenAPI document says of an answer, held against the answer itself."""

from http import HTTPStatus
from typing import Any

import httpx2
from pydantic import BaseModel

from agent.channels import shapes
from agent.channels.openai import refusals as openai
from agent.channels.openai.shapes import Refused

START = "/conversations/start"
MESSAGE = "/conversations/{conversation_id}/message"
READ = "/conversations/{conversation_id}"
MESSAGES = "/conversations/{conversation_id}/messages"
TURN = "/conversations/{conversation_id}/turns/{turn_id}"
OUTCOME = "/conversations/{conversation_id}/outcome"


async def documented(client: httpx2.AsyncClient, route: str, answer: httpx2.Response) -> dict[str, Any]:
    """The answer's JSON, once it is exactly what the document names for this route, method and status: no field missing,
    none more, none of another type, at any depth."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    described = paths[route][answer.request.method.lower()]["responses"]
    assert str(answer.status_code) in described, f"{answer.status_code} is not documented: {answer.text}"
    reference = described[str(answer.status_code)]["content"]["application/json"]["schema"]["$ref"]
    return exactly(getattr(shapes, reference.rpartition("/")[2]), answer)


def exactly(model: type[BaseModel], answer: httpx2.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json"
    content: dict[str, Any] = answer.json()
    assert model.model_validate_json(answer.content, strict=True).model_dump(mode="json") == content
    return content


def refused(answer: httpx2.Response, status: int, field: str | None, kind: str | None = None) -> dict[str, Any]:
    """The error's JSON, once status, shape and the named field are right."""
    assert answer.status_code == status, answer.text
    content = exactly(shapes.ErrorResponse, answer)
    assert [problem["field"] for problem in content["problems"]][:1] == [field], content
    assert content["message"] and all(problem["problem"] for problem in content["problems"])
    assert kind is None or content["type"] == kind, content
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        assert int(answer.headers["retry-after"]) >= 1
    return content


def refusal(answer: httpx2.Response, status: int, field: str | None, kind: str) -> str:
    """The message of an error of whatever surface, once its shape is that surface's own."""
    path = answer.request.url.path
    if any(path == place or path.startswith(f"{place}/") for place in openai.PLACES):
        assert answer.status_code == status, answer.text
        error: dict[str, Any] = Refused.model_validate_json(answer.content, strict=True).error.model_dump()
        assert error["param"] == field, error
        return error["message"]
    return refused(answer, status, field, kind)["message"]
