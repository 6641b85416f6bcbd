"""What a browser may do with an answer, and which pages may call."""

import httpx2

from agent.settings import Settings
from tests.agent.access.doors import bearer
from tests.agent.channels.house import housed
from tests.agent.channels.parts import Broken, building, settings_with
from tests.conftest import serving


async def test_every_answer_says_how_a_browser_may_treat_it(settings: Settings, here: str) -> None:
    broken = Broken()
    async with serving(settings_with(settings, hsts_s=600), building(broken=broken)) as client:
        answers = [
            await client.post(f"{here}/message", json={"message": "hola"}),
            await client.post(f"{here}/message?stream=true", json={"message": "hola"}),
            await client.get("/nowhere"),
            await client.post(f"{here}/message", content=b"x" * 64_001),
            await client.get("/openapi.json"),
        ]
        broken.fails = lambda _: RuntimeError("unexpected")
        answers.append(await client.get(here))
        broken.fails = lambda _: None
        assert [answer.status_code for answer in answers] == [200, 200, 404, 413, 200, 500]
        for answer in answers:
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
            assert answer.headers.get_list("cache-control") == ["no-store"]
            assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
            assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert answer.headers["strict-transport-security"] == "max-age=600"
        docs = await client.get("/docs")
        assert docs.headers["content-security-policy"] == "frame-ancestors 'none'"
        assert "swagger-ui" in docs.text


async def test_hsts_is_left_to_whoever_ends_tls(api: httpx2.AsyncClient) -> None:
    assert "strict-transport-security" not in (await api.get("/livez")).headers


PAGE, OTHER = "https://shop.example", "https://evil.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


async def test_no_page_may_call_from_a_browser_unless_it_is_named(settings: Settings) -> None:
    async with housed(settings_with(settings, keys="required")) as house:
        answer = await house.client.options("/conversations/1/message", headers={"Origin": PAGE, **PREFLIGHT})
        assert answer.status_code == 401
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_pages_that_are_named_may_call_and_no_others(settings: Settings) -> None:
    changes = {"keys": "required", "cors_origins": f"{PAGE}, https://desk.example:8443"}
    async with housed(settings_with(settings, **changes)) as house:
        path = "/conversations/1"
        asked = await house.client.options(path, headers={"Origin": PAGE, **PREFLIGHT})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == PAGE
        assert {"authorization", "x-api-key"} <= set(asked.headers["access-control-allow-headers"].lower().split(", "))
        other = await house.client.options(path, headers={"Origin": OTHER, **PREFLIGHT})
        assert "access-control-allow-origin" not in other.headers
        for headers, status in ((bearer(house.keys["rep"]), 404), ({}, 401)):
            answer = await house.ask("GET", path, {"Origin": PAGE, **headers})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE)
            assert "access-control-allow-credentials" not in answer.headers
            assert "Retry-After" in answer.headers["access-control-expose-headers"]
            answer = await house.ask("GET", path, {"Origin": OTHER, **headers})
            assert "access-control-allow-origin" not in answer.headers
