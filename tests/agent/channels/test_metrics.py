"""What is counted, and that neither ids nor customers' words are in it."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.errors import StoreUnavailable
from agent.settings import Settings
from tests.agent.channels.parts import Broken, at_once, building, settings_with
from tests.conftest import serving
from tests.scripted_model import Answer, ScriptedModel, ServerError

Sample = Callable[..., float]


async def scraped(client: httpx2.AsyncClient) -> Sample:
    """``scraped(client)("turns_total", playbook="ngx")``: the sum of the samples with these labels."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    assert all(sample.name.startswith("sales_agent_") for sample in samples)

    def total(name: str, **labels: str) -> float:
        found = [s for s in samples if s.name == f"sales_agent_{name}" and labels.items() <= s.labels.items()]
        return sum(sample.value for sample in found)

    return total


async def test_a_turn_is_counted_by_what_it_did_and_says_nothing_of_the_customer(settings: Settings, here: str) -> None:
    async with serving(settings) as client:
        before = await scraped(client)
        said = {"message": "secreto-4711, cuánto cuesta?", "playbook": "ngx", "message_id": "secreto-4712"}
        turn = (await client.post(f"{here}/message", json=said)).json()
        streamed = await client.post(f"{here}/message?stream=true", json={"message": "está carísimo"})
        assert streamed.status_code == (await client.get("/readyz")).status_code == 200
        after = await scraped(client)
        text = (await client.get("/metrics")).text

    def grown(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    action = turn["recommended_action"]["type"]
    assert grown("turns_total", playbook="ngx", action=action, writer="composer", outcome="answered") >= 1
    for name in ("turns_total", "turn_seconds_count", "turn_overhead_seconds_count", "turn_wait_seconds_count"):
        assert grown(name) == 2, name
    assert grown("writer_attempts_total", writer="composer", outcome="ok") == 2
    for predictor in ("objection", "needs", "conversion"):
        assert grown("predictor_seconds_count", predictor=predictor) == 2
    assert after("turns_in_flight") == after("streams_in_flight") == 0
    assert after("build_info") == 1
    assert after("part_up", part="store") == after("part_up", part="models") == 1
    for secret in ("secreto", here.rpartition("/")[2], turn["turn_id"]):
        assert secret not in text


async def test_errors_are_counted_by_their_type(settings: Settings, here: str) -> None:
    broken = Broken()
    async with serving(settings_with(settings, store_patience_s=0), building(broken=broken)) as client:
        before = await scraped(client)
        broken.fails = lambda work: StoreUnavailable("gone") if work == "arrive" else None
        assert (await client.post(f"{here}/message", json={"message": "hola"})).status_code == 503
        broken.fails = lambda _: None
        after = await scraped(client)
    assert after("errors_total", type="store_unavailable") - before("errors_total", type="store_unavailable") == 1
    assert after("turns_in_flight") == 0


async def test_a_models_breaker_opens_and_closes_for_all_to_see(
    settings: Settings, here: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ScriptedModel(default=ServerError(500)) as model:
        given: dict[str, Any] = {"models": "openai", "openai_api_key": "k", "openai_base_url": model.openai_url}
        told = Settings(data_dir=settings.data_dir, log_level="info", log_format="json", **given)
        async with serving(told) as client:
            before = await scraped(client)
            for _ in range(6):
                assert (await client.post(f"{here}/message", json={"message": "hola"})).status_code == 200
            opened = await scraped(client)
            assert (await client.get("/readyz")).json()["breakers"]["writer:0:openai"] == "opened"
    attempts = {"writer": "openai", "outcome": "server_error"}
    assert opened("writer_attempts_total", **attempts) - before("writer_attempts_total", **attempts) == 5
    assert (
        opened("writer_attempts_total", outcome="breaker_open")
        - before("writer_attempts_total", outcome="breaker_open")
        == 1
    )
    assert opened("breaker_state", breaker="writer:0:openai") == 2
    assert opened("breaker_changes_total", breaker="writer:0:openai", state="opened") >= 1
    assert '"event": "breaker_changed"' in capsys.readouterr().err


async def test_the_time_of_the_model_is_not_the_turns_overhead(settings: Settings, here: str) -> None:
    async with ScriptedModel(default=Answer(delay=0.4)) as model:
        given: dict[str, Any] = {"models": "openai", "openai_api_key": "k", "openai_base_url": model.openai_url}
        async with serving(Settings(data_dir=settings.data_dir, log_level="error", **given)) as client:
            before = await scraped(client)
            assert (await client.post(f"{here}/message", json={"message": "hola"})).status_code == 200
            after = await scraped(client)
    whole = after("turn_seconds_sum") - before("turn_seconds_sum")
    own = after("turn_overhead_seconds_sum") - before("turn_overhead_seconds_sum")
    assert whole - own >= 0.4


async def test_starting_leaves_nothing_in_the_store_and_counts_no_turn(settings: Settings, here: str) -> None:
    writer = at_once()
    build = building(writers=[writer])
    async with serving(settings_with(settings, log_level="error"), build) as client:
        first = await scraped(client)
        answer = await client.get("/conversations/warm-up")
        second = await scraped(client)
    assert answer.status_code == 404
    assert writer.heard == []
    assert second("turns_total") == first("turns_total")
