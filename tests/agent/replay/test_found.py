"""What the comparison is for: three versions that are worse on purpose are found, at the turns that are to blame, and a version
is not found to differ from itself more often than is promised."""

import random
from collections.abc import Iterator
from itertools import islice
from math import sqrt
from pathlib import Path

import pytest

from agent.replay.checks import ANSWERS_OBJECTIONS
from agent.replay.comparing.compared import Comparison, Moved
from agent.replay.comparing.comparison import compare
from agent.replay.comparing.statistics import ALPHA
from agent.replay.plan import Crowd, Plan
from agent.replay.played import PlayedConversation, PlayedTurn, Run
from agent.replay.version import Version
from agent.settings import Settings
from agent.turn import Action
from tests.agent.replay.played_runs import run_of, settings_in
from tests.agent.replay.worse import RIGHT, WRONG, broken_price, mute_policy, shuffled_labels

CROWD, MANY = Crowd(seed=11, buyers=60), Crowd(seed=11, buyers=120)
"""For comparisons of equals, and for what must be found."""
FALSE_ALARMS = 2
"""Replies in which the judge of prices may see a figure that is none."""
DEALS = 3
COMPARISONS, AT_A_TIME = 200, 40
"""Comparisons of a version with itself, and of how many buyers each."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Settings:
    return settings_in(tmp_path_factory.mktemp("found"), models)


@pytest.fixture(scope="module")
def dealt(settings: Settings) -> Run:
    """The version as it is, each buyer with three deals of his luck."""
    return run_of(Plan(version=Version("as it is"), crowd=CROWD, trials=DEALS), settings)


@pytest.fixture(scope="module")
def as_it_is(settings: Settings) -> Run:
    return run_of(Plan(version=Version("as it is"), crowd=MANY), settings)


def of(run: Run, conversations: Iterator[PlayedConversation]) -> Run:
    return run.model_copy(update={"trials": 1, "conversations": tuple(conversations)})


def worse_by(version: Version, settings: Settings, as_it_is: Run) -> tuple[Run, Comparison]:
    run = run_of(Plan(version=version, crowd=MANY), settings)
    assert len(run.conversations) == len(as_it_is.conversations) and not any(one.misplayed for one in run.conversations)
    return run, compare(as_it_is, run)


def worse_in(comparison: Comparison) -> set[str]:
    return {one.name for one in comparison.outcome("worse")}


def pointed_at(comparison: Comparison, run: Run) -> Iterator[tuple[Moved, PlayedTurn, PlayedTurn | None]]:
    """What got worse, the turn that is named for it, and the one before."""
    by_name = {one.name: one for one in run.conversations}
    for moved in comparison.worse:
        assert moved.turn is not None
        turns = by_name[moved.name].turns
        yield moved, turns[moved.turn - 1], turns[moved.turn - 2] if moved.turn > 1 else None


def test_a_policy_that_never_handles_objections(settings: Settings, as_it_is: Run, tmp_path: Path) -> None:
    run, comparison = worse_by(Version("mute", policy=mute_policy(tmp_path)), settings, as_it_is)
    assert comparison.regressed
    assert {"passed", "failed_checks"} <= worse_in(comparison)
    assert Action.HANDLE_OBJECTION not in {turn.action for one in run.conversations for turn in one.turns}
    (more, *_) = comparison.checks
    assert more.name == "objection_answered" and more.b > more.a
    turned = [(turn, before) for moved, turn, before in pointed_at(comparison, run) if moved.turned]
    unanswered = [
        pair for pair in turned if "objection_answered" in {one.check for one in pair[0].verdicts if one.failed}
    ]
    assert len(unanswered) >= max(5, 0.9 * len(turned)), "the others repeat themselves for want of an answer"
    for turn, before in unanswered:
        assert before is not None and before.truth is not None and before.truth.objections
        assert not {before.action, turn.action} & ANSWERS_OBJECTIONS


def test_predictors_with_shuffled_labels(settings: Settings, as_it_is: Run, tmp_path: Path) -> None:
    folder = shuffled_labels(settings.models_dir, tmp_path / "shuffled")
    run, comparison = worse_by(Version("shuffled", predictors=folder), settings, as_it_is)
    assert comparison.regressed
    assert {"objection_micro_f1", "objection_macro_f1"} <= worse_in(comparison)
    assert not worse_in(comparison) & {"needs_micro_f1", "needs_macro_f1"}, "the needs were left alone"
    of_objections = [one for one in comparison.recalls if one.predictor == "objections"]
    assert of_objections and all(one.b < one.a for one in of_objections)
    listed = list(pointed_at(comparison, run))
    assert len(listed) >= 15
    blamed = [mistaken(turn) or (before is not None and mistaken(before)) for _, turn, before in listed]
    assert sum(blamed) >= 0.8 * len(listed)


def mistaken(turn: PlayedTurn) -> bool:
    """An objection was missed, or heard where there is none."""
    return turn.truth is not None and set(turn.objections) != set(turn.truth.objections)


def test_a_wrong_price_in_a_playbook(settings: Settings, as_it_is: Run, tmp_path: Path) -> None:
    run, comparison = worse_by(Version("dearer", playbooks=(broken_price(tmp_path),)), settings, as_it_is)
    assert comparison.regressed
    assert "failed_checks" in worse_in(comparison)
    (more,) = [one for one in comparison.checks if one.name == "policy"]
    assert more.a <= FALSE_ALARMS and more.b > 10 * FALSE_ALARMS
    broken = [
        (one, number, verdict)
        for one in run.conversations
        for number, verdict in one.all_verdicts()
        if verdict.failed and verdict.check == "policy"
    ]
    named = [(one, number) for one, number, verdict in broken if WRONG in verdict.reason]
    assert len(named) >= len(broken) - FALSE_ALARMS
    assert all(one.playbook == "roofing" and number is not None for one, number in named)
    turned = [turn for moved, turn, _ in pointed_at(comparison, run) if moved.turned]
    assert len(turned) >= 3
    for turn in turned:
        said = " ".join((turn.reply, *turn.talking_points))
        assert WRONG in said and f"${RIGHT}" not in said


def test_a_version_does_not_differ_from_itself_more_often_than_promised(dealt: Run) -> None:
    """Each comparison: 40 of the buyers, and for either side another deal of each one's luck."""
    found = [seen for a, b in islice(pairs_of_itself(dealt), COMPARISONS) if (seen := differences(compare(a, b)))]
    promised = ALPHA + 2 * sqrt(ALPHA * (1 - ALPHA) / COMPARISONS)
    assert len(found) / COMPARISONS <= promised, found


def differences(comparison: Comparison) -> list[str]:
    return [one.name for one in (*comparison.outcome("worse"), *comparison.outcome("better"))]


def pairs_of_itself(dealt: Run) -> Iterator[tuple[Run, Run]]:
    by_buyer: dict[str, list[PlayedConversation]] = {}
    for one in dealt.conversations:
        by_buyer.setdefault(one.case, []).append(one.model_copy(update={"trial": 0}))
    luck = random.Random(1)
    while True:
        buyers = luck.sample(sorted(by_buyer), AT_A_TIME)
        sides = [luck.sample(by_buyer[buyer], 2) for buyer in buyers]
        yield of(dealt, (a for a, _ in sides)), of(dealt, (b for _, b in sides))


def test_two_deals_are_not_the_same_conversation(dealt: Run) -> None:
    """Else a version would equal itself trivially."""
    a, b = next(pairs_of_itself(dealt))
    same = sum(one.turns == other.turns for one, other in zip(a.conversations, b.conversations, strict=True))
    assert same <= AT_A_TIME / 10
