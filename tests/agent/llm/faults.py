"""The faults that every client must tell apart, written once; each client's tests run them over real HTTP."""

from agent.errors import FailureKind
from tests.scripted_model import (
    Answer,
    CutOff,
    EmptyStream,
    RateLimited,
    Refuse,
    ServerError,
    Step,
)

FAULTS: dict[str, tuple[Step, FailureKind]] = {
    "429": (RateLimited("3"), "rate_limited"),
    "429 without a time": (RateLimited(None), "rate_limited"),
    "500": (ServerError(500), "server_error"),
    "503": (ServerError(503), "server_error"),
    "529": (ServerError(529), "server_error"),
    "401": (ServerError(401, "Incorrect API key provided: sk-test-very-secret"), "auth"),
    "403": (ServerError(403), "auth"),
    "400": (ServerError(400, "this model does not know sk-test-very-secret"), "bad_request"),
    "404": (ServerError(404), "bad_request"),
    "422": (ServerError(422), "bad_request"),
    "dropped before the first piece": (CutOff(0), "cut_off"),
    "dropped in the middle": (CutOff(3), "cut_off"),
    "ended without a finish": (CutOff(3, "end"), "cut_off"),
    "nothing at all": (EmptyStream(), "cut_off"),
    "length": (Answer(finish="length"), "cut_off"),
    "error in the stream": (CutOff(3, "error"), "server_error"),
    "refusal": (Refuse(), "refused"),
}
