"""Golden conversations (``golden/*.json``), written by hand: through the public door, each turn takes an action that a good
salesperson would take, never a forbidden one, answers in the customer's language, and says nothing that is not so."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from agent.reply.facts import FactBook
from agent.settings import Settings
from agent.turn import Action
from predictors.language import spanish_share
from prompts import load_playbook
from tests.conftest import serving

FILES = sorted((Path(__file__).parent / "golden").glob("*.json"))
PLAYBOOK = {"fitness": "ngx", "roofing": "roofing"}
FACTS = {name: FactBook.of(load_playbook(name).book) for name in PLAYBOOK.values()}


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory, models: Path) -> AsyncIterator[httpx2.AsyncClient]:
    folder = tmp_path_factory.mktemp("golden")
    (folder / "models").symlink_to(models)
    async with serving(Settings(data_dir=folder, log_level="error")) as client:
        yield client


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_conversation(door: httpx2.AsyncClient, file: Path) -> None:
    case = orjson.loads(file.read_bytes())
    conversation = f"golden-{file.stem}"
    start = {
        "conversation_id": conversation,
        "playbook": PLAYBOOK[case["vertical"]],
        "customer_data": case["customer"],
        "locale": case["language"],
    }
    assert (await door.post("/conversations/start", json=start)).status_code == 201
    wrong: list[str] = []
    for number, said in enumerate((turn for turn in case["turns"] if turn["role"] == "customer"), start=1):
        response = await door.post(f"/conversations/{conversation}/message", json={"message": said["text"]})
        assert response.status_code == 200, response.text
        turn = response.json()
        ledger = (await door.get(f"/conversations/{conversation}/turns/{number}")).json()
        wrong += [f"turn {number}: {fault}" for fault in faults(case, said, turn, ledger)]
    assert not wrong, "\n".join(wrong)


def faults(case: dict[str, Any], said: dict[str, Any], turn: dict[str, Any], ledger: dict[str, Any]) -> list[str]:
    action = turn["recommended_action"]["type"]
    about = f"{said['text'][:90]!r} -> {action}: {turn['response'][:120]!r}"
    found: list[str] = []
    if action in said["forbidden_actions"]:
        found.append(f"forbidden action; {about}")
    elif action not in said["acceptable_actions"]:
        found.append(f"action is none of {said['acceptable_actions']}; {about}")
    language = said.get("language", case["language"])
    share, words = spanish_share(turn["response"])
    if turn["language"] != language or (words >= 4 and (share > 0.5) != (language == "es")):
        found.append(f"reply is not in {language}; {about}")
    if ledger["reply"]["violations"]:
        found.append(f"the fact lock stopped {ledger['reply']['violations']}; {about}")
    if not turn["response"].strip():
        found.append(f"empty reply; {about}")
    return found


def test_the_set_covers_both_languages_and_every_action() -> None:
    cases = [orjson.loads(file.read_bytes()) for file in FILES]
    assert Counter(case["language"] for case in cases) >= Counter(es=12, en=12)
    assert all(6 <= len(case["turns"]) <= 14 for case in cases)
    wanted = {action for case in cases for turn in case["turns"] for action in turn.get("acceptable_actions", ())}
    assert wanted == {action.value for action in Action}
