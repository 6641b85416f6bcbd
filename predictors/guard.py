"""Deadline, breaker, cache and rule-based fallback around any predictor: written once.

A predictor that blocks runs in a bounded pool of its own, because a timeout does not stop a thread: when all threads of
the pool are stuck, further calls fall back at once instead of queueing behind them. That is no failure of the model, so
the breaker does not hear of it: a trial that finds every thread stuck leaves the breaker half open, and the first call
after one of them came back is the next trial.

A predictor that runs inline can't be interrupted by anything: its input is bounded (a message, the last three, a profile
within the largest body), and one that takes longer than its deadline is counted by the breaker, so that it is left alone.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

import orjson
import structlog
from cachetools import TTLCache

from predictors.base import Dialogue, Prediction, Predictor
from predictors.breaker import BreakerOpen, Breakers, Tell
from predictors.pool import NoThreadFree, Pool

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


class _Saturated(_Unusable):
    """Every thread of the pool is taken; the model was not asked."""


class _Late(Exception):
    """An inline predictor answered after its deadline. The answer is there, and as good as any."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction
        super().__init__("an inline predictor took longer than its deadline")


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
        self.breakers = Breakers(
            self.settings.failures_to_open,
            self.settings.open_s,
            unjudged=lambda error: isinstance(error, _Saturated),
            clock=clock,
        )
        self._pool: Pool[Prediction] | None = None
        if on_breaker is not None:
            self.breakers.tell(on_breaker)

    @property
    def name(self) -> str:
        return self.fallback.name

    def use(self, predictor: Predictor | None) -> None:
        """Puts another model in and clears the cache: nothing that an old bundle said survives it."""
        self.predictor = predictor
        self.forget()

    def apart(self) -> "Guard":
        """The same predictor and fallback behind a breaker and a cache of its own: what is tried is held against nobody."""
        return Guard(self.predictor, self.fallback, self.settings, labels=self._labels, clock=self._clock)

    def forget(self) -> None:
        """Empties the cache: customers' words stand in it."""
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
            async with self.breakers.guarding(predictor.name):
                if not predictor.blocking:
                    return self._ask_inline(predictor, dialogue, seconds)
                return await self._ask_in_pool(predictor, dialogue, seconds)
        except _Late as late:
            log.warning("predictor_overran", predictor=predictor.name, version=predictor.version)
            return late.prediction
        except BreakerOpen:
            raise _Unusable("breaker_open") from None
        except TimeoutError:
            raise _Unusable("deadline") from None
        except _Unusable:
            raise
        except Exception as error:  # whatever a model does wrong, the turn goes on and the response says so
            log.warning("predictor_crashed", predictor=predictor.name, version=predictor.version, error=repr(error))
            raise _Unusable(f"crashed:{type(error).__name__}") from error

    def _ask_inline(self, predictor: Predictor, dialogue: Dialogue, seconds: float) -> Prediction:
        end = self._clock() + seconds
        prediction = predictor.predict(dialogue)
        if self._clock() > end:
            raise _Late(prediction)
        return prediction

    async def _ask_in_pool(self, predictor: Predictor, dialogue: Dialogue, seconds: float) -> Prediction:
        if self._pool is None:
            self._pool = Pool(self.settings.pool_threads, f"predict-{self.name}")
        try:
            answer = self._pool.submit(partial(predictor.predict, dialogue))
        except NoThreadFree:
            raise _Saturated("saturated") from None
        return await asyncio.wait_for(answer, seconds)

    def _fall_back(self, dialogue: Dialogue, why: str, started: float) -> Prediction:
        prediction = self.fallback.predict(dialogue)
        log.info("predictor_fell_back", predictor=self.name, why=why)
        return replace(prediction, source="rules", degraded=why, elapsed_ms=_ms_since(started))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()


def _cache_key(predictor: Predictor, dialogue: Dialogue) -> bytes:
    """Stage, profile and the last three messages, with everything else that a predictor may read."""
    parts = (
        predictor.name,
        predictor.version,
        dialogue.owner,
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
