"""Every benchmark can be started; and the soak would notice if something grew."""

import importlib
import pkgutil
from dataclasses import replace

import pytest

import benchmarks
from benchmarks.soak import COUNTED, Sample, verdict

NAMES = sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__) if not found.ispkg)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_finds_all_that_it_uses(name: str) -> None:
    importlib.import_module(f"benchmarks.{name}")


STEADY = [Sample(5.0 * number, 500.0 + number % 3, 40, 30, 25, 90) for number in range(100)]


def test_steady_figures_have_not_grown() -> None:
    assert {what: found["grew"] for what, found in verdict(STEADY).items()} == dict.fromkeys(
        ("memory_mb", *COUNTED), False
    )


def test_growth_in_the_warm_up_does_not_count() -> None:
    cold = [replace(one, memory_mb=100.0 + number) for number, one in enumerate(STEADY[:20])]
    assert not verdict(cold + STEADY[20:])["memory_mb"]["grew"]


def test_memory_that_grows_by_more_than_five_in_a_hundred_is_told() -> None:
    slow = [replace(one, memory_mb=500.0 + 0.2 * number) for number, one in enumerate(STEADY)]
    fast = [replace(one, memory_mb=500.0 + 0.6 * number) for number, one in enumerate(STEADY)]
    assert not verdict(slow)["memory_mb"]["grew"]
    assert verdict(fast)["memory_mb"]["grew"]


@pytest.mark.parametrize("what", COUNTED)
def test_what_is_left_open_is_told(what: str) -> None:
    leaking = [replace(one, **{what: getattr(one, what) + number // 10}) for number, one in enumerate(STEADY)]
    assert [name for name, found in verdict(leaking).items() if found["grew"]] == [what]
