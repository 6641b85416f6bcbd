"""Who may do what, over HTTP: every route with every kind of key, limits, headers, and what never shows."""

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import APIRouter, Request
from fastapi.routing import iter_route_contexts

from agent.access.caller import PERMISSIONS, Caller, Permission, Role
from agent.access.gate import OPEN
from agent.access.route import Guarded, install, needs, permission_of, unguarded
from agent.access.secret import Key
from agent.errors import StoreUnavailable
from agent.settings import Settings
from agent.store import audit
from server import create_app
from tests.agent.access.doors import bearer, made, opened, revoked
from tests.agent.channels.contract import refusal, refused
from tests.agent.channels.house import House, housed, unauthorized
from tests.agent.channels.parts import Broken, building, settings_with
from tests.agent.channels.sockets import listening
from tests.conftest import serving


def routes() -> list[tuple[str, str, Permission]]:
    """Every (method, path, permission) that the application serves; new ones too."""
    found: list[tuple[str, str, Permission]] = []
    for context in iter_route_contexts(create_app(Settings()).routes):
        permission = permission_of(context.original_route)
        if permission is not None:
            found += [(method, str(context.path), permission) for method in sorted(context.methods or ())]
    return found


ROUTES = routes()
IDS = [f"{method} {path}" for method, path, _ in ROUTES]


def test_every_route_of_the_document_is_open_or_asks_for_a_permission() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    served = {(method.upper(), path) for path in paths for method in paths[path]}
    asking = {(method, path) for method, path, _ in ROUTES}
    assert {path for _, path in served - asking} == {"/livez", "/readyz"} < OPEN
    assert asking <= served
    for method, path in asking:
        described = paths[path][method.lower()]
        assert described["security"] == [{"bearer": []}, {"api_key": []}]
        assert described["x-permission"] in set(Permission)
        assert {"401", "403", "429"} <= described["responses"].keys()


def test_a_new_route_without_a_permission_is_not_served() -> None:
    async def leak(request: Request) -> str:
        return "everything"

    app = create_app(Settings())
    assert unguarded(app.routes) == []
    plain = APIRouter()
    plain.add_api_route("/export", leak)
    app.include_router(plain, prefix="/v2")
    assert unguarded(app.routes) == ["/v2/export"]
    with pytest.raises(ValueError, match="routes without a permission: /v2/export"):
        install(app)
    with pytest.raises(ValueError, match="/export: say openapi_extra=needs"):
        APIRouter(route_class=Guarded).add_api_route("/export", leak)
    guarded = APIRouter(route_class=Guarded)
    guarded.add_api_route("/export", leak, openapi_extra=needs(Permission.READ_AUDIT))
    fresh = create_app(Settings())
    fresh.include_router(guarded)
    assert unguarded(fresh.routes) == []


@pytest.fixture(scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory, models: Path) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("house")
    (folder / "models").symlink_to(models)
    settings = Settings(data_dir=folder, log_level="error", keys="required", rate_limit="")
    async with housed(settings) as house:
        yield house


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES, ids=IDS)
async def test_no_route_answers_without_a_valid_key(
    house: House, method: str, path: str, permission: Permission
) -> None:
    admin = house.keys["admin"]
    unauthorized(await house.ask(method, path), "is missing")
    wrong = {
        "": "is missing",
        "Basic dXNlcjpwYXNz": "is missing",
        "Bearer ": "is not a key",
        "Bearer sa_x_y": "is not a key",
        f"Bearer {admin.id}": "is not a key",
        f"Bearer {admin.text[:-1]}": "is not a key",
        f"Bearer {admin.text.upper()}": "is not a key",
        f"Bearer {Key(admin.id, '0' * 64).text}": "is not a key",
        f"Bearer {Key('0' * 16, admin.secret).text}": "is not a key",
        f"Bearer {house.keys['revoked'].text}": "was revoked",
        f"Bearer {house.keys['expired'].text}": "has expired",
    }
    for value, problem in wrong.items():
        unauthorized(await house.ask(method, path, {"Authorization": value}), problem)
        if value.startswith("Bearer"):
            unauthorized(await house.ask(method, path, {"X-API-Key": value[7:]}), problem)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("method", "path", "permission"), ROUTES, ids=IDS)
async def test_each_role_gets_in_where_it_may_and_nowhere_else(
    house: House, method: str, path: str, permission: Permission, role: Role
) -> None:
    for headers in (bearer(house.keys[role]), {"X-API-Key": house.keys[role].text}):
        answer = await house.ask(method, path, headers)
        if permission in PERMISSIONS[role]:
            assert answer.status_code in (200, 201, 400, 404, 422), answer.text
        else:
            message = refusal(answer, 403, None, "not_allowed")
            assert repr(permission.value) in message and repr(role.value) in message


async def test_a_role_that_may_not_is_refused_before_its_body_is_read(house: House) -> None:
    headers = {**bearer(house.keys["qa"]), "Content-Type": "application/json"}
    answer = await house.client.post("/conversations/c-1/message", content=b"{", headers=headers)
    refused(answer, 403, None, "not_allowed")


@pytest.mark.parametrize("path", ["/nowhere", "/conversations", "/docs/", "/livez/", "http://agent.test//livez"])
async def test_what_is_not_there_is_not_told_apart_without_a_key(house: House, path: str) -> None:
    unauthorized(await house.ask("GET", path), "is missing")
    assert (await house.ask("GET", path, bearer(house.keys["rep"]))).status_code in (307, 404)


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_health_and_documentation_are_open(house: House, path: str) -> None:
    assert (await house.ask("GET", path)).status_code == 200
    assert (await house.ask("GET", path, {"Authorization": "Bearer nonsense"})).status_code == 200


async def test_of_two_headers_the_key_header_counts_and_a_proxys_own_password_is_left_alone(house: House) -> None:
    right = {"X-API-Key": house.keys["rep"].text}
    for other in ("Basic dXNlcjpwYXNz", "Bearer nonsense"):
        assert (await house.ask("GET", "/conversations/1", {**right, "Authorization": other})).status_code == 404
    wrong = {**bearer(house.keys["rep"]), "X-API-Key": "nonsense"}
    unauthorized(await house.ask("GET", "/conversations/1", wrong), "is not a key")


async def test_a_whole_conversation_with_the_keys_of_those_who_take_part(house: House, here: str) -> None:
    desk, rep = bearer(house.keys["front_end"]), bearer(house.keys["rep"])
    posted = await house.client.post(f"{here}/message", json={"message": "hola"}, headers=desk)
    assert posted.status_code == 200
    streamed = await house.client.post(f"{here}/message?stream=true", json={"message": "sí"}, headers=desk)
    assert "event: done" in streamed.text
    refused(await house.client.get(f"{here}/messages", headers=desk), 403, None)
    assert len((await house.client.get(f"{here}/messages", headers=rep)).json()["messages"]) == 4
    ledger = await house.client.get(f"{here}/turns/1", headers=rep)
    assert ledger.json()["turn_id"] == posted.json()["turn_id"]
    refused(await house.client.delete(here, headers=rep), 403, None)
    assert (await house.client.delete(here, headers=bearer(house.keys["admin"]))).status_code == 200


async def deeds(house: House, target: str) -> list[tuple[str, str, str, str]]:
    async with opened(house.settings.store_url) as door:
        rows = await door.run(audit.read, "acme", 0, 100_000)
        assert (await door.run(audit.verify, "acme")).broken is None
    return [
        (row.deed.role, row.deed.action, row.deed.target, row.deed.outcome) for row in rows if target in row.deed.target
    ]


async def test_deeds_that_concern_personal_data_stand_in_the_audit_log_and_turns_do_not(
    house: House, here: str
) -> None:
    desk, rep, admin = (bearer(house.keys[role]) for role in ("front_end", "rep", "admin"))
    await house.client.post(f"{here}/message", json={"message": "hola"}, headers=desk)
    await house.client.get(here, headers=desk)
    await house.client.get(f"{here}/turns/1", headers=rep)
    await house.client.get(f"{here}/turns/9", headers=rep)
    await house.client.post(f"{here}/outcome", json={"outcome": "lost"}, headers=desk)
    await house.client.post(f"{here}/outcome", json={"outcome": "perhaps"}, headers=desk)
    await house.client.get(f"{here}/messages", headers=desk)
    await house.client.delete(here, headers=admin)
    name = here.rpartition("/")[2]
    assert await deeds(house, name) == [
        ("rep", "ledger_read", f"{name}/1", "done"),
        ("rep", "ledger_read", f"{name}/9", "not_found"),
        ("front_end", "outcome_reported", name, "done"),
        ("front_end", "access_denied", f"messages:read {name}", "denied"),
        ("admin", "conversation_erased", name, "done"),
    ]


async def test_the_route_knows_its_caller(settings: Settings) -> None:
    settings = settings_with(settings, keys="required")
    key = await made(settings, Role.QA, "acme")
    app = create_app(settings)
    seen: list[Caller] = []

    async def whoami(request: Request) -> None:
        seen.append(request.state.caller)

    app.add_api_route("/whoami", whoami)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://agent.test") as client:
            assert (await client.get("/whoami", headers=bearer(key))).status_code == 200
            assert (await client.get("/whoami")).status_code == 401
    assert seen == [Caller("acme", Role.QA, key.id)]


async def test_a_key_that_is_revoked_stops_working_on_a_running_server(settings: Settings) -> None:
    settings = settings_with(settings, keys="required", key_cache_s=0.0)
    async with housed(settings) as house:
        assert (await house.ask("GET", "/conversations/1", bearer(house.keys["rep"]))).status_code == 404
        await revoked(settings, house.keys["rep"])
        unauthorized(await house.ask("GET", "/conversations/1", bearer(house.keys["rep"])), "was revoked")


async def test_without_its_store_nobody_is_let_in_and_nobody_is_called_wrong(settings: Settings) -> None:
    settings = settings_with(settings, keys="required", key_cache_s=0.0)
    key = await made(settings, Role.REP)
    broken = Broken()
    async with serving(settings, building(broken=broken)) as client:
        broken.fails = lambda work: StoreUnavailable("gone") if work == "find_key" else None
        for _ in range(150):
            refused(await client.get("/conversations/1", headers=bearer(key)), 503, None, "store_unavailable")
        broken.fails = lambda _: None
        assert (await client.get("/conversations/1", headers=bearer(key))).status_code == 404


async def test_a_ledger_is_not_shown_when_its_reading_cannot_be_recorded(settings: Settings, here: str) -> None:
    broken = Broken()
    async with serving(settings, building(broken=broken)) as client:
        await client.post(f"{here}/message", json={"message": "hola"})
        broken.fails = lambda work: StoreUnavailable("gone") if work == "append" else None
        refused(await client.get(f"{here}/turns/1"), 503, None, "store_unavailable")
        broken.fails = lambda _: None
        assert (await client.get(f"{here}/turns/1")).status_code == 200


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "::1"}, False),
        ({"host": "127.8.9.1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": ""}, True),
        ({"host": "10.0.0.7"}, True),
        ({"host": "agent.example.com"}, True),
        ({"host": "127.0.0.1", "keys": "required"}, True),
        ({"host": "0.0.0.0", "keys": "off"}, False),
    ],
)
async def test_keys_are_wanted_wherever_others_can_reach_the_server(
    settings: Settings, changes: dict[str, str], wanted: bool
) -> None:
    async with serving(settings_with(settings, **changes)) as client:
        answer = await client.get("/conversations/1")
        assert answer.status_code == (401 if wanted else 404)


async def test_a_socket_that_another_program_opened_to_others_wants_keys_too(settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        for address, status in (("127.0.0.1", 404), ("::1", 404), ("10.0.0.7", 401), ("::ffff:10.0.0.7", 401)):
            host = f"[{address}]" if ":" in address else address
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                assert (await client.get("/conversations/1")).status_code == status, address


async def test_an_operator_is_told_when_there_is_no_key_and_when_nobody_needs_one(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for changes, event in (
        ({"keys": "required"}, "no_api_keys"),
        ({"host": "0.0.0.0"}, "no_api_keys"),
        ({"host": "0.0.0.0", "keys": "off"}, "keys_off"),
        ({"keys": "off"}, None),
        ({}, None),
    ):
        async with serving(settings_with(settings, log_level="warning", **changes)):
            events = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
        assert events == ([event] if event else [])


async def test_no_secret_is_logged_or_answered(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_with(settings, keys="required", log_level="debug", log_format="json")
    async with housed(settings) as house:
        capsys.readouterr()
        secrets = [key.secret for key in house.keys.values()]
        wrong = Key(house.keys["rep"].id, uuid.uuid4().hex * 2)
        answers = [
            await house.client.request(method, "/conversations/1", headers={name: f"{scheme}{key.text}"})
            for method in ("GET", "DELETE", "PATCH")
            for name, scheme in (("Authorization", "Bearer "), ("X-API-Key", ""))
            for key in (*house.keys.values(), wrong)
        ]
        broken = await house.client.get("/conversations/1", headers={"X-API-Key": f"{wrong.text}\tx"})
        answers.append(broken)
    logged = capsys.readouterr().err
    told = logged + "".join(answer.text + str(answer.headers) for answer in answers)
    assert [secret for secret in (*secrets, wrong.secret) if secret in told] == []
    reasons = [line["reason"] for line in map(json.loads, logged.splitlines()) if line["event"] == "key_refused"]
    assert set(reasons) == {"revoked_key", "expired_key", "wrong_secret"}


async def test_the_local_server_as_a_process_sees_it_needs_no_key(settings: Settings, here: str) -> None:
    async with listening(settings) as client:
        assert (await client.get(here)).status_code == 404
    async with listening(settings_with(settings, keys="required")) as client:
        unauthorized(await client.get(here), "is missing")
