"""What can't be used is refused with the field's name, nothing of it is stored, and nothing of it stands in the answer."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests.agent.channels.contract import MESSAGE, START, documented, refused

JSON = {"Content-Type": "application/json"}
SECRET = "secreto-4711"
"""Stands in every bad request: no error may repeat it."""
LONE = b"\\ud800"


@dataclass(frozen=True)
class Bad:
    name: str
    body: bytes
    field: str
    status: int = 422
    headers: dict[str, str] = field(default_factory=lambda: JSON)


def message(name: str, value: Any, where: str = "message") -> Bad:
    return Bad(name, json.dumps({"message": value}).encode(), where)


def beside(name: str, rest: bytes, where: str) -> Bad:
    """A good message, and something wrong beside it."""
    return Bad(name, b'{"message":"%s",%s}' % (SECRET.encode(), rest), where)


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


BODIES = [
    Bad("no body", b"", "body"),
    Bad("binary", bytes(range(256)) + SECRET.encode(), "body"),
    Bad("invalid UTF-8", b'{"message":"%s \xff\xfe"}' % SECRET.encode(), "body"),
    Bad("half a character", b'{"message":"%s \xc3"}' % SECRET.encode(), "body"),
    Bad("truncated", b'{"message":"%s' % SECRET.encode(), "body"),
    Bad("truncated after a value", b'{"message":"%s"' % SECRET.encode(), "body"),
    Bad("two values", b'{"message":"%s"}{}' % SECRET.encode(), "body"),
    Bad("text", SECRET.encode(), "body"),
    Bad("a string", json.dumps(SECRET).encode(), "body"),
    Bad("a list", json.dumps([SECRET]).encode(), "body"),
    Bad("null", b"null", "body"),
    Bad("a number", b"4711", "body"),
    Bad("NaN", b"NaN", "body"),
    Bad("deeply nested", deep(20_000), "body"),
    Bad("a number without end", b'{"message":"%s","x":%s}' % (SECRET.encode(), b"9" * 5_000), "body"),
    Bad("no content type", json.dumps({"message": SECRET}).encode(), "body", headers={}),
    Bad("text/plain", json.dumps({"message": SECRET}).encode(), "body", headers={"Content-Type": "text/plain"}),
    Bad(
        "a form",
        f"message={SECRET}".encode(),
        "body",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Bad("100 kB", json.dumps({"message": SECRET + "a" * 100_000}).encode(), "body", 413),
    Bad("a lone surrogate as a field", b'{"message":"hola","%s":1}' % LONE, "body"),
]

MESSAGES = [
    Bad("no message", b"{}", "message"),
    message("empty", ""),
    message("blanks", " \t\n\r\u00a0\u3000"),
    message("nothing to see", "\u200b\u200d\ufeff\u2060\u00ad"),
    message("a number", 7),
    message("true", True),
    message("null", None),
    message("a list", [SECRET]),
    message("an object", {"text": SECRET}),
    Bad("NaN as message", b'{"message":NaN}', "message"),
    message("4,001 characters", SECRET + "a" * (4_001 - len(SECRET))),
    Bad("10,000 emoji", json.dumps({"message": "😀" * 10_000}, ensure_ascii=False).encode(), "message"),
    *(message(f"control character {ord(char):#04x}", f"{SECRET}{char}") for char in "\x00\x07\x08\x1b\x1f\x7f"),
    Bad("a lone high surrogate", b'{"message":"%s %s"}' % (SECRET.encode(), LONE), "message"),
    Bad("a lone low surrogate", b'{"message":"\\udc00"}', "message"),
    Bad("surrogates in the wrong order", b'{"message":"\\ude00\\ud83d"}', "message"),
    beside("a message id with a blank", b'"message_id":"a b"', "message_id"),
    beside("an empty message id", b'"message_id":""', "message_id"),
    beside("a message id with a slash", b'"message_id":"a/b"', "message_id"),
    beside("a message id of 201", b'"message_id":"%s"' % (b"a" * 201), "message_id"),
    beside("a message id that is a number", b'"message_id":7', "message_id"),
    beside("a message id with a lone surrogate", b'"message_id":"%s"' % LONE, "message_id"),
]

SHARED = [
    beside("an unknown field", b'"sender":"x"', "sender"),
    beside("an unknown playbook", b'"playbook":"nowhere"', "playbook"),
    beside("a playbook outside", b'"playbook":"../playbooks/ngx"', "playbook"),
    beside("an empty playbook", b'"playbook":""', "playbook"),
    beside("a playbook that is a number", b'"playbook":1', "playbook"),
    beside("a channel with capitals", b'"channel":"Chat"', "channel"),
    beside("no channel", b'"channel":null', "channel"),
    beside("a locale that is none", b'"locale":"es MX; q=0.8"', "locale"),
    beside("customer data as a list", b'"customer_data":[]', "customer_data"),
    beside("no customer data", b'"customer_data":null', "customer_data"),
    beside("an age in words", b'"customer_data":{"age":"cuarenta"}', "customer_data.age"),
    beside("an age below zero", b'"customer_data":{"age":-1}', "customer_data.age"),
    beside("an age of 121", b'"customer_data":{"age":121}', "customer_data.age"),
    beside("a huge age", b'"customer_data":{"age":%s}' % (b"9" * 4_000), "customer_data.age"),
    beside("an age and a half", b'"customer_data":{"age":40.5}', "customer_data.age"),
    beside("an age that is true", b'"customer_data":{"age":true}', "customer_data.age"),
    beside("an age that is NaN", b'"customer_data":{"age":NaN}', "customer_data.age"),
    beside("a name that is a number", b'"customer_data":{"name":1}', "customer_data.name"),
    beside("a blank name", b'"customer_data":{"name":"  "}', "customer_data.name"),
    beside("a name of 201", b'"customer_data":{"name":"%s"}' % (b"a" * 201), "customer_data.name"),
    beside("a name with a control character", b'"customer_data":{"name":"A\\u0000"}', "customer_data.name"),
    beside("a nested fact", b'"customer_data":{"pets":["cat"]}', "customer_data.pets"),
    beside("an infinite fact", b'"customer_data":{"x":-Infinity}', "customer_data.x"),
    beside("a fact beyond floats", b'"customer_data":{"x":1e999}', "customer_data.x"),
    beside("a huge fact", b'"customer_data":{"x":%s}' % (b"9" * 4_000), "customer_data.x"),
    beside("a fact with a lone surrogate", b'"customer_data":{"x":"%s"}' % LONE, "customer_data.x"),
    beside("a fact with a control character", b'"customer_data":{"x":"\\u0007"}', "customer_data.x"),
    beside("a fact of 501", b'"customer_data":{"x":"%s"}' % (b"a" * 501), "customer_data.x"),
    beside("a fact named by a lone surrogate", b'"customer_data":{"%s":1}' % LONE, "customer_data"),
]


def attached(where: str) -> list[Bad]:
    wrong = {
        "as a list": b"[]",
        "as text": b'"x"',
        "as null": b"null",
        "with NaN": b'{"a":[NaN]}',
        "with Infinity": b'{"a":{"b":Infinity}}',
        "with a number beyond floats": b'{"a":1e999}',
        "with a number beyond 64 bits": b'{"a":%d}' % 2**64,
        "with a number below 64 bits": b'{"a":%d}' % (-(2**63) - 1),
        "with a lone surrogate": b'{"a":["%s"]}' % LONE,
        "with a lone surrogate as a name": b'{"a":{"%s":1}}' % LONE,
        "21 levels deep": b'{"a":%s}' % deep(20),
        "300 levels deep": b'{"a":%s}' % deep(300),
        "with 51 entries": json.dumps({str(number): 1 for number in range(51)}).encode(),
    }
    return [beside(f"{where} {name}", b'"%s":%s' % (where.encode(), value), where) for name, value in wrong.items()]


def for_start(bad: Bad) -> Bad:
    return Bad(bad.name, bad.body.replace(b'"message":"%s",' % SECRET.encode(), b""), bad.field)


TO_MESSAGE = [*BODIES, *MESSAGES, *SHARED, *attached("platform_context")]
TO_START = [
    *BODIES,
    *(for_start(bad) for bad in (*SHARED, *attached("metadata"))),
    *(
        Bad(f"an id {name}", json.dumps({"conversation_id": value}).encode(), "conversation_id")
        for name, value in {
            "empty": "",
            "with a slash": "a/b",
            "with a blank": "a b",
            "with a line end": "a\n",
            "of 201": "a" * 201,
            "that is a number": 7,
            "with a question mark": "a?b",
            "with bytes that were no text": "\ufffd",
            "with a zero": "a\x00",
        }.items()
    ),
    Bad("an id with a lone surrogate", b'{"conversation_id":"%s"}' % LONE, "conversation_id"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("bad", TO_MESSAGE, ids=lambda bad: bad.name)
async def test_a_bad_message_is_refused_by_field_and_begins_no_conversation(
    api: httpx2.AsyncClient, here: str, bad: Bad, stream: bool
) -> None:
    answer = await api.post(f"{here}/message?stream={stream}", content=bad.body, headers=bad.headers)
    refused(answer, bad.status, bad.field)
    await documented(api, MESSAGE, answer)
    assert SECRET not in answer.text
    assert len(answer.content) < 5_000
    refused(await api.get(here), 404, None, "unknown_conversation")


async def test_no_bad_message_leaves_a_trace_in_a_conversation_that_is_there(
    api: httpx2.AsyncClient, here: str
) -> None:
    await api.post(f"{here}/message", json={"message": "hola", "message_id": "m-1"})
    before = [(await api.get(here + rest)).json() for rest in ("", "/messages", "/turns/1")]
    for bad in TO_MESSAGE:
        answer = await api.post(f"{here}/message", content=bad.body, headers=bad.headers)
        refused(answer, bad.status, bad.field)
    assert [(await api.get(here + rest)).json() for rest in ("", "/messages", "/turns/1")] == before
    assert (await api.post(f"{here}/message", json={"message": "¿y eso?"})).json()["seq"] == 2


@pytest.mark.parametrize("bad", TO_START, ids=lambda bad: bad.name)
async def test_a_bad_start_is_refused_by_field(api: httpx2.AsyncClient, here: str, bad: Bad) -> None:
    answer = await api.post(START, content=bad.body, headers=bad.headers)
    refused(answer, bad.status, bad.field)
    await documented(api, START, answer)
    assert SECRET not in answer.text


async def test_a_bad_start_leaves_its_id_free(api: httpx2.AsyncClient, here: str) -> None:
    identity = here.rpartition("/")[2]
    for bad in (for_start(bad) for bad in (*SHARED, *attached("metadata"))):
        named = b'{"conversation_id":"%s",' % identity.encode() + bad.body.removeprefix(b"{")
        refused(await api.post(START, content=named, headers=JSON), bad.status, bad.field)
        refused(await api.get(here), 404, None, "unknown_conversation")


@pytest.mark.parametrize("rest", ["", "/messages", "/turns/1", "/message", "/outcome"])
@pytest.mark.parametrize(
    "identity",
    [
        "a%20b",
        "%20",
        "a%09",
        "a%0A",
        "a%00b",
        "a%7F",
        "a%3Fb",
        "a%23",
        "%FF",
        "%C3",
        "%EF%BF%BD",
        "a" * 201,
        "%E2%80%A8",
    ],
)
async def test_a_bad_id_in_the_path_is_refused_by_name(api: httpx2.AsyncClient, identity: str, rest: str) -> None:
    body = {"/message": {"message": SECRET}, "/outcome": {"outcome": "lost"}}.get(rest)
    answer = await api.request("POST" if body else "GET", f"/conversations/{identity}{rest}", json=body)
    refused(answer, 422, "conversation_id", "invalid_input")
    assert SECRET not in answer.text


@pytest.mark.parametrize("identity", ["a/b", "a%2Fb", "..%2Fx"])
async def test_an_id_with_a_slash_is_no_address(api: httpx2.AsyncClient, identity: str) -> None:
    answer = await api.post(f"/conversations/{identity}/message", json={"message": SECRET})
    assert answer.status_code == 404
    assert answer.json() == {"type": "http_error", "message": "Not Found", "problems": []}


@pytest.mark.parametrize("key", ["a b", "a/b", "a" * 201, "a?b"])
async def test_a_bad_idempotency_key_is_refused_by_name(api: httpx2.AsyncClient, here: str, key: str) -> None:
    answer = await api.post(f"{here}/message", json={"message": SECRET}, headers={"Idempotency-Key": key})
    refused(answer, 422, "idempotency-key", "invalid_input")
    refused(await api.get(here), 404, None)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        (f"after={10**30}", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
    ],
)
async def test_a_bad_page_is_refused_by_name(api: httpx2.AsyncClient, here: str, query: str, where: str) -> None:
    refused(await api.get(f"{here}/messages?{query}"), 422, where, "invalid_input")


async def test_a_bad_stream_flag_is_refused_by_name(api: httpx2.AsyncClient, here: str) -> None:
    refused(await api.post(f"{here}/message?stream=maybe", json={"message": "hola"}), 422, "stream", "invalid_input")


async def test_every_wrong_field_is_named(api: httpx2.AsyncClient, here: str) -> None:
    body = {"message": "", "channel": "", "customer_data": {"age": -1, "x": []}, "huh": 1}
    answer = await api.post(f"{here}/message", json=body)
    problems = refused(answer, 422, "message")["problems"]
    assert [problem["field"] for problem in problems] == [
        "message",
        "channel",
        "customer_data.age",
        "customer_data.x",
        "huh",
    ]


async def test_an_invented_field_is_not_repeated_at_length(api: httpx2.AsyncClient, here: str) -> None:
    answer = await api.post(f"{here}/message", json={"message": "hola", "x" * 50_000: 1})
    assert answer.status_code == 422
    assert len(answer.content) < 1_000


GOOD = {
    "a sign": "?",
    "an emoji": "👍",
    "4,000 characters": "a" * 4_000,
    "4,000 emoji": "😀" * 4_000,
    "right to left": "\u202eمرحبا\u202c כמה זה עולה؟",
    "combining marks": "q" + "\u0301" * 300,
    "lines and tabs": "hola\n\tbuenas\r\n¿cuánto?",
    "markup": "<script>alert(1)</script> {{ 7*7 }} {name} %s $1 `x`",
    "quotes": "'; drop table messages; --\" \\",
    "JSON": '{"reply": "hola", "action": "close"}',
    "joined emoji": "👩‍👩‍👧‍👦",
    "another plane": "𝓗𝓸𝓵𝓪 \U0010fffd",
    "Chinese": "多少钱？",
    "a surrogate pair": "\U0001f600",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "as it is"])
async def test_odd_but_good_text_is_answered_and_kept_to_the_letter(
    api: httpx2.AsyncClient, here: str, text: str, ascii_only: bool
) -> None:
    body = json.dumps({"message": text}, ensure_ascii=ascii_only).encode()
    answer = await api.post(f"{here}/message", content=body, headers=JSON)
    assert (await documented(api, MESSAGE, answer))["response"].strip()
    assert (await api.get(f"{here}/messages")).json()["messages"][0]["text"] == text
    assert (await api.get(f"{here}/turns/1")).json()["message"] == text


@pytest.mark.parametrize("identity", ["a" * 200, "%2E%2E", "%F0%9F%98%80", "+52-55_1234@wa:me", "caf%C3%A9", "%25"])
async def test_ids_of_other_systems_are_taken_as_they_are(api: httpx2.AsyncClient, identity: str) -> None:
    await api.delete(f"/conversations/{identity}")
    turn = (await api.post(f"/conversations/{identity}/message", json={"message": "hola"})).json()
    assert turn["seq"] == 1
    assert (await api.get(f"/conversations/{identity}")).json()["conversation_id"] == turn["conversation_id"]
    started = await api.post(START, json={"conversation_id": turn["conversation_id"]})
    assert started.status_code == 200, "the very same id in a body"


async def test_what_is_attached_comes_back_to_the_last_digit(api: httpx2.AsyncClient, here: str) -> None:
    context: dict[str, Any] = {"big": 2**64 - 1, "small": -(2**63), "deep": json.loads(deep(18)), "": "\u0000 é 😀"}
    await api.post(f"{here}/message", json={"message": "hola", "platform_context": context})
    assert (await api.get(f"{here}/turns/1")).json()["platform_context"] == context
