"""The fault drill in short: the real server with its own PostgreSQL, Valkey and model, broken under load; and whether the
drill would notice if something were lost, doubled or out of order."""

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from rich.console import Console
from typer.testing import CliRunner

from agent.cli import app
from agent.drill.application import CONTROL, build_faulty_agent
from agent.drill.backends import DrillExtraMissing, required
from agent.drill.checks import Checked, check, overtaken
from agent.drill.command import drill_faults
from agent.drill.course import Plan
from agent.drill.customers import Answer, Line, Sent
from agent.drill.fault import Fault
from agent.drill.stored import Stored, StoredMessage, StoredTurn
from agent.drill.tables import COLUMNS
from agent.settings import Settings
from tests.conftest import serving

SHORT = Plan(
    seconds=1.5, customers=8, think_s=0.3, kills=1, repeats=40, parallel=20, before_s=0.5, after_s=0.5, whole_s=0.0
)
DRILLED = (
    Fault.DATABASE_RESTART,
    Fault.CACHE_GONE,
    Fault.WORKER_KILLED,
    Fault.REPEATS,
    Fault.PARALLEL_POSTS,
    Fault.MODEL_MIXED,
)


@pytest.fixture(scope="module")
def drilled(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``figures.json`` and ``report.html`` of one short drill."""
    folder = tmp_path_factory.mktemp("drill")
    console = Console(quiet=True, width=250)
    settings = Settings(data_dir=models.parent)
    drill_faults(settings, DRILLED, SHORT, 2, folder / "figures.json", folder / "report.html", console)
    return folder


@pytest.mark.parametrize("fault", DRILLED)
def test_a_fault_under_load_loses_nothing_and_doubles_nothing(drilled: Path, fault: Fault) -> None:
    rows = {row["name"]: row for row in orjson.loads((drilled / "figures.json").read_bytes())["faults"]}
    row = rows[fault]
    clean = {"unanswered": [], "lost": [], "doubled": [], "out_of_order": []}
    assert {what: row["checked"][what] for what in clean} == clean, row["verdict"]
    assert row["answered"] > 0
    assert row["times"] > 0
    assert row["errors"] == 0
    assert "answered otherwise" not in row["verdict"]
    assert "taken for another text" not in row["verdict"]


def test_the_faults_struck(drilled: Path) -> None:
    rows = {row["name"]: row for row in orjson.loads((drilled / "figures.json").read_bytes())["faults"]}
    assert any(why.startswith("writer:openai:") for why in rows["model_mixed"]["degraded"])
    assert rows["database_restart"]["times"] > 0
    assert rows["worker_killed"]["cut"] > 0


def test_the_report_stands_by_itself(drilled: Path) -> None:
    page = (drilled / "report.html").read_text(encoding="utf-8")
    assert all(f">{column}</th>" in page for column in COLUMNS)
    assert all(f"<tr><th>{fault}</th>" in page for fault in DRILLED)
    assert "<svg" in page
    assert "src=" not in page
    assert "<script" not in page


async def test_predictors_in_trouble_are_named_and_recover(settings: Settings) -> None:
    settings = settings.model_copy(update={"predictor_deadline_s": 0.2})
    control = settings.data_dir / CONTROL
    messages = (f"It is too expensive for me, {number}." for number in itertools.count())
    async with serving(settings, build_faulty_agent) as client:

        async def degraded() -> list[str]:
            body = {"message": next(messages)}
            answer = await client.post("/conversations/troubled/message", json=body)
            assert answer.status_code == 200
            return list(answer.json()["degraded"])

        assert await degraded() == []
        control.write_text("crash", encoding="ascii")
        assert "objection:crashed:PredictorCrashed" in await degraded()
        control.write_text("hang", encoding="ascii")
        assert "objection:deadline" in await degraded()
        control.unlink()
        async with asyncio.timeout(30):
            while await degraded():
                await asyncio.sleep(0.1)


def test_without_its_extra_the_drill_says_what_to_install() -> None:
    with pytest.raises(DrillExtraMissing, match=r"no_such_server is not installed; .*\[drill\]"):
        required("no_such_server")


@pytest.mark.parametrize(("option", "file"), [("--json", "figures.json"), ("--report", "report.html")])
def test_what_it_cannot_write_it_refuses_before_the_work(tmp_path: Path, option: str, file: str) -> None:
    found = CliRunner().invoke(app, ["drill", option, str(tmp_path / "nowhere" / file)])
    assert found.exit_code == 2
    assert "no folder" in found.output


def test_without_trained_models_it_refuses(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["drill", "--only", "nothing"], env={"SALES_AGENT_DATA_DIR": str(tmp_path)})
    assert found.exit_code == 2
    assert "sales-agent train" in found.output


def _book(*numbers: int, conversation: str = "c") -> list[Sent]:
    """Messages sent a second apart, each answered half a second later."""
    return [
        Sent(
            conversation,
            f"m-{number}",
            Line("ngx", f"text {number}"),
            sent_at=float(number),
            tried_at=float(number),
            attempts=1,
            answered_at=number + 0.5,
            answer=Answer(f"t-{number}", number, f"reply {number}", 10.0, ()),
        )
        for number in numbers
    ]


def _store(*numbers: int, conversation: str = "c") -> Stored:
    """Message and reply by turns, in the order of ``numbers``; each was in the database .1 s after it was sent."""
    turns = [
        StoredTurn(
            conversation, f"m-{number}", f"t-{number}", place + 1, 2 * place + 1, f"reply {number}", number + 0.1
        )
        for place, number in enumerate(numbers)
    ]
    messages = [
        StoredMessage(conversation, 2 * place + 1 + reply, role, f"{what} {number}", f"t-{number}")
        for place, number in enumerate(numbers)
        for reply, role, what in ((0, "customer", "text"), (1, "agent", "reply"))
    ]
    return Stored(turns, messages)


def _found(checked: Checked) -> dict[str, tuple[str, ...]]:
    names = ("unanswered", "lost", "doubled", "out_of_order")
    return {name: cases for name in names if (cases := getattr(checked, name))}


def test_a_clean_store_is_clean() -> None:
    assert check(_book(1, 2, 3), _store(1, 2, 3)).clean


def test_a_message_that_got_no_answer_is_unanswered_unless_its_front_end_gave_up() -> None:
    sent = [*_book(1), replace(_book(2)[0], answer=None, answered_at=None)]
    assert _found(check(sent, _store(1))) == {"unanswered": ("c/m-2",)}
    sent[1].gives_up = True
    assert check(sent, _store(1)).clean


def test_an_answer_without_a_stored_turn_is_lost() -> None:
    assert _found(check(_book(1, 2), _store(1))) == {"lost": ("c/m-2",)}


def test_a_stored_message_that_nobody_finishes_is_lost_even_when_its_front_end_gave_up() -> None:
    stored = _store(1, 2)
    unfinished = Stored([stored.turns[0], replace(stored.turns[1], reply=None)], stored.messages[:3])
    sent = [*_book(1), replace(_book(2)[0], answer=None, answered_at=None, gives_up=True)]
    assert _found(check(sent, unfinished)) == {"lost": ("c/m-2",)}
    assert _found(check(sent, Stored(stored.turns[:1], stored.messages[:3]))) == {"lost": ("c/m-2",)}


def test_a_turn_whose_reply_is_no_message_is_lost() -> None:
    stored = _store(1, 2)
    assert _found(check(_book(1, 2), Stored(stored.turns, stored.messages[:3]))) == {"lost": ("c/m-2",)}


@pytest.mark.parametrize("again", [0, 1], ids=["message", "reply"])
def test_a_message_or_reply_that_is_stored_twice_is_doubled(again: int) -> None:
    stored = _store(1, 2)
    twice = Stored(stored.turns, [*stored.messages, replace(stored.messages[again], number=9)])
    assert "c/m-1" in _found(check(_book(1, 2), twice))["doubled"]


def test_two_turns_of_one_message_are_doubled() -> None:
    stored = _store(1)
    twice = Stored([*stored.turns, replace(stored.turns[0], turn_id="t-9", number=2)], stored.messages)
    assert _found(check(_book(1), twice))["doubled"] == ("c/m-1",)


def test_an_answer_that_is_not_the_stored_one_is_doubled() -> None:
    sent = _book(1)
    assert sent[0].answer
    sent[0].answer = replace(sent[0].answer, reply="another reply")
    assert _found(check(sent, _store(1))) == {"doubled": ("c/m-1",)}


def test_messages_stored_in_another_order_than_they_were_sent_in_are_out_of_order() -> None:
    assert _found(check(_book(1, 2, 3), _store(1, 3, 2))) == {"out_of_order": ("c/m-3",)}


def test_in_flight_together_the_order_counts_when_one_was_in_the_database_before_the_other_was_sent() -> None:
    first, second = _book(1, 2)
    second.sent_at = first.sent_at + 0.05
    assert check([first, second], _store(2, 1)).clean
    second.sent_at = first.sent_at + 0.11
    assert _found(check([first, second], _store(2, 1))) == {"out_of_order": ("c/m-2",)}
    assert check([first, second], _store(1, 2)).clean


def test_who_overtook_is_counted_however_close_they_were() -> None:
    first, second = _book(1, 2)
    second.sent_at = first.sent_at + 0.05
    assert overtaken([first, second], _store(2, 1)) == 1
    assert overtaken([first, second], _store(1, 2)) == 0


def test_replies_in_another_order_than_their_messages_are_out_of_order() -> None:
    stored = _store(1, 2)
    numbers = {("customer", "t-1"): 1, ("customer", "t-2"): 2, ("agent", "t-2"): 3, ("agent", "t-1"): 4}
    messages = [replace(one, number=numbers[one.role, str(one.turn_id)]) for one in stored.messages]
    turns = [stored.turns[0], replace(stored.turns[1], message_number=2)]
    assert _found(check(_book(1, 2), Stored(turns, messages))) == {"out_of_order": ("c/m-2",)}
