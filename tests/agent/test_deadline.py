"""One time budget a turn, told by a clock that the test turns."""

import pytest

from agent.deadline import Deadline


class Clock:
    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_remains_is_the_budget_less_what_has_passed(clock: Clock) -> None:
    deadline = Deadline(15.0, clock)
    assert deadline.remaining() == 15.0
    clock.now += 4.5
    assert deadline.remaining() == 10.5


@pytest.mark.parametrize("passed", [15.0, 15.1, 1e9])
def test_nothing_remains_once_it_is_over_and_never_less_than_nothing(clock: Clock, passed: float) -> None:
    deadline = Deadline(15.0, clock)
    clock.now += passed
    assert deadline.remaining() == 0.0
    assert deadline.share(2.0) == 0.0


def test_a_share_is_what_was_asked_for_until_less_is_left(clock: Clock) -> None:
    deadline = Deadline(3.0, clock)
    assert deadline.share(2.0) == 2.0
    clock.now += 2.0
    assert deadline.share(2.0) == 1.0


def test_shares_are_not_taken_from_the_budget_so_that_workers_may_run_in_parallel(clock: Clock) -> None:
    deadline = Deadline(3.0, clock)
    assert [deadline.share(2.0) for _ in range(3)] == [2.0, 2.0, 2.0]


def test_a_budget_of_nothing_is_over_at_once(clock: Clock) -> None:
    assert Deadline(0.0, clock).remaining() == 0.0


def test_without_a_clock_of_its_own_time_does_not_go_back() -> None:
    deadline = Deadline(60.0)
    first = deadline.remaining()
    assert 0.0 < deadline.remaining() <= first <= 60.0
