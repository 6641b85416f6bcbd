"""What goes out, for the OpenAPI document; answers are not validated again."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Function(BaseModel):
    name: str
    arguments: str


class Call(BaseModel):
    id: str
    type: Literal["function"]
    function: Function


class Answer(BaseModel):
    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: list[Call] | None = None


class Choice(BaseModel):
    index: int
    message: Answer
    logprobs: None
    finish_reason: Literal["stop", "tool_calls"]


class Usage(BaseModel):
    """An estimate: four characters a token."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class Model(BaseModel):
    id: str = Field(description="A playbook.")
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    object: Literal["list"]
    data: list[Model]


class Error(BaseModel):
    message: str
    type: str
    param: str | None = Field(description="The part of the request that is wrong, e.g. ``messages.2.content``.")
    code: str | None


class Refused(BaseModel):
    """Every error below ``/v1``."""

    error: Error


def refused(description: str) -> dict[str, Any]:
    return {"model": Refused, "description": description}
