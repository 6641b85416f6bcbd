"""Deadline, breaker, cache and rule-based fallback around any predictor: written once.

A predictor that blocks runs in a bounded pool of its own, because a timeout does not stop a thread: when all threads of
the pool are stuck, further calls fall back at once instead of queueing behind them.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import orjson
import structlog
from cachetools import TTLCache
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from predictors.base import Dialogue, Prediction, Predictor
from predictors.breakers import Tell, announce

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Times in seconds. ``failures_to_open`` failures in a row open the breaker for ``open_s``."""

    deadline_s: float = 2.0
    cache_s: float = 300.0
    cache_entries: int = 10_000
    failures_to_open: int = 5
    open_s: float = 30.0
    pool_threads: int = 2


class _Unusable(Exception):
    """Why the model's answer is not there; the message goes into ``Prediction.degraded``."""


class Guard:
    """``predict`` always answers: from the cache, the model, or ``fallback`` (whose source is ``rules``)."""

    def __init__(
        self,
        predictor: Predictor | None,
        fallback: Predictor,
        settings: GuardSettings | None = None,
        *,
        labels: Callable[[Dialogue], Collection[str]] | None = None,
        on_breaker: Tell | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings or GuardSettings()
        self.predictor = predictor
        self.fallback = fallback
        self._labels = labels
        self._clock = clock
        self._cache: TTLCache[bytes, Prediction] = TTLCache(
            self.settings.cache_entries, self.settings.cache_s, timer=clock
        )
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=self.settings.failures_to_open, default_ttl=self.settings.open_s
        )
        if on_breaker is not None:
            announce(self._breakers, on_breaker)
        self._pool: ThreadPoolExecutor | None = None
        self._running = 0

    @property
    def name(self) -> str:
        return self.fallback.name

    def use(self, predictor: Predictor | None) -> None:
        """Puts another model in and clears the cache: nothing that an old bundle said survives it."""
        self.predictor = predictor
        self._cache.clear()

    async def predict(self, dialogue: Dialogue, remaining_s: float) -> Prediction:
        """The prediction, at the latest after the deadline or what is left of the turn (``remaining_s``, seconds)."""
        started = time.perf_counter()
        predictor = self.predictor
        if predictor is None:
            return self._fall_back(dialogue, "no_model", started)
        key = _cache_key(predictor, dialogue)
        cached = self._cache.get(key)
        if cached is not None:
            return replace(cached, source="cache", elapsed_ms=_ms_since(started))
        try:
            prediction = await self._ask(predictor, dialogue, min(self.settings.deadline_s, remaining_s))
        except _Unusable as why:
            return self._fall_back(dialogue, str(why), started)
        if not self._believable(prediction, dialogue):
            log.warning("predictor_talks_nonsense", predictor=predictor.name, version=predictor.version)
            return self._fall_back(dialogue, "nonsense", started)
        prediction = replace(prediction, elapsed_ms=_ms_since(started))
        if predictor is self.predictor:
            self._cache[key] = prediction
        return prediction

    def _believable(self, prediction: object, dialogue: Dialogue) -> bool:
        """Whether it is a prediction at all, of labels that exist, with probabilities that are some."""
        if not isinstance(prediction, Prediction):
            return False
        numbers = [label.probability for label in prediction.labels] + list(prediction.probabilities.values())
        names = {label.name for label in prediction.labels}
        known = names if self._labels is None else self._labels(dialogue)
        return names <= set(known) and all(isinstance(p, float) and 0.0 <= p <= 1.0 for p in numbers)

    async def _ask(self, predictor: Predictor, dialogue: Dialogue, seconds: float) -> Prediction:
        if seconds <= 0:
            raise _Unusable("deadline")
        try:
            async with await self._breakers.get_breaker(predictor.name):
                if not predictor.blocking:
                    return predictor.predict(dialogue)
                return await self._ask_in_pool(predictor, dialogue, seconds)
        except OpenedState:
            raise _Unusable("breaker_open") from None
        except TimeoutError:
            raise _Unusable("deadline") from None
        except _Unusable:
            raise
        except Exception as error:  # whatever a model does wrong, the turn goes on and the response says so
            log.warning("predictor_crashed", predictor=predictor.name, version=predictor.version, error=repr(error))
            raise _Unusable(f"crashed:{type(error).__name__}") from error

    async def _ask_in_pool(self, predictor: Predictor, dialogue: Dialogue, seconds: float) -> Prediction:
        if self._running >= self.settings.pool_threads:
            raise _Unusable("saturated")
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.settings.pool_threads, thread_name_prefix=f"predict-{self.name}")
        self._running += 1
        loop = asyncio.get_running_loop()
        job = self._pool.submit(predictor.predict, dialogue)
        job.add_done_callback(lambda _: _call_soon(loop, self._free_a_thread))
        return await asyncio.wait_for(asyncio.wrap_future(job), seconds)

    def _free_a_thread(self) -> None:
        self._running -= 1

    def _fall_back(self, dialogue: Dialogue, why: str, started: float) -> Prediction:
        prediction = self.fallback.predict(dialogue)
        log.info("predictor_fell_back", predictor=self.name, why=why)
        return replace(prediction, source="rules", degraded=why, elapsed_ms=_ms_since(started))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:  # the loop is gone; so is everything that counted threads
        return


def _cache_key(predictor: Predictor, dialogue: Dialogue) -> bytes:
    """Stage, profile and the last three messages, with everything else that a predictor may read."""
    parts = (
        predictor.name,
        predictor.version,
        dialogue.language,
        dialogue.playbook,
        dialogue.vertical,
        dialogue.stage,
        _sorted(dialogue.profile),
        _sorted(dialogue.so_far),
        [(said.role, said.text) for said in dialogue.recent[-3:]],
    )
    return hashlib.blake2b(orjson.dumps(parts), digest_size=16).digest()


def _sorted(values: Mapping[str, object]) -> list[tuple[str, object]]:
    return sorted(values.items())


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
