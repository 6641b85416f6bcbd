"""So many requests in any window, and not one more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.access.limit import Limit, MemoryWindow, limit_of

often = settings(max_examples=200, deadline=None, derandomize=True, database=None)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@often
@given(
    amount=st.integers(1, 6),
    pauses=st.lists(st.floats(0, 12, allow_nan=False).map(lambda pause: round(pause, 2)), max_size=60),
)
def test_no_window_holds_more_and_none_is_refused_without_need(amount: int, pauses: list[float]) -> None:
    clock = Clock()
    window = MemoryWindow(Limit(amount, 10), clock=clock)
    taken: list[float] = []
    for pause in pauses:
        clock.now += pause
        inside = [at for at in taken if at > clock.now - 10]
        seen = window.look("a")
        spent = window.hit("a")
        assert spent.allowed == seen.allowed == (len(inside) < amount)
        if spent.allowed:
            taken.append(clock.now)
            inside.append(clock.now)
        assert spent.remaining == amount - len(inside) >= 0
        assert spent.wait_s == pytest.approx(inside[0] + 10 - clock.now)


def test_after_the_wait_that_was_named_one_more_is_taken() -> None:
    clock = Clock()
    window = MemoryWindow(Limit(3, 60), clock=clock)
    for _ in range(3):
        clock.now += 7.3
        assert window.hit("a").allowed
    refused = window.hit("a")
    assert not refused.allowed
    clock.now += refused.wait_s - 0.01
    assert not window.hit("a").allowed
    clock.now += 0.02
    assert window.hit("a").allowed
    assert not window.hit("a").allowed


def test_each_has_a_limit_of_his_own() -> None:
    window = MemoryWindow(Limit(1, 60), clock=Clock())
    assert [window.hit(name).allowed for name in ("a", "b", "a", "b")] == [True, True, False, False]


def test_looking_takes_nothing() -> None:
    window = MemoryWindow(Limit(1, 60), clock=Clock())
    assert [window.look("a").allowed for _ in range(5)] == [True] * 5
    assert window.hit("a").allowed
    assert not window.look("a").allowed


def test_many_names_do_not_fill_the_memory_and_the_oldest_are_forgotten() -> None:
    clock = Clock()
    window = MemoryWindow(Limit(1, 60), clock=clock, longest=100)
    for number in range(150):
        clock.now += 0.001
        window.hit(f"n-{number}")
    assert [window.look(f"n-{number}").allowed for number in (0, 149)] == [True, False]
    assert sum(not window.look(f"n-{number}").allowed for number in range(150)) <= 100


@pytest.mark.parametrize(
    ("text", "amount", "window_s"),
    [("100/minute", 100, 60), ("5/second", 5, 1), ("9/hour", 9, 3600), ("1/day", 1, 86400)],
)
def test_a_limit_as_it_is_written(text: str, amount: int, window_s: int) -> None:
    assert limit_of(text) == Limit(amount, window_s)
