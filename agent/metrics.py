"""What the service counts and measures, in Prometheus' text format. Base units; labels are names out of closed sets, never
ids and never what a customer wrote.

With several workers each process writes its numbers into files of one folder (``PROMETHEUS_MULTIPROC_DIR``, made by
``sales-agent serve``), and whichever worker is asked answers for all of them.
"""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from agent import __version__
from agent.turn import Attempt, Decision, Insights, Reply

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OFFLINE = "composer"
BREAKER_STATES = {"closed": 0, "half-opened": 1, "opened": 2}

OWN = CollectorRegistry()
_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)

_turns = Counter(
    "sales_agent_turns",
    "Turns answered; outcome: answered, or degraded (something did not go the first way).",
    ("playbook", "action", "writer", "outcome"),
    registry=OWN,
)
_turn_seconds = Histogram(
    "sales_agent_turn_seconds", "A turn from its claim to its reply, models included.", buckets=_SLOW, registry=OWN
)
_overhead_seconds = Histogram(
    "sales_agent_turn_overhead_seconds", "A turn less the time of the models.", buckets=_FAST, registry=OWN
)
_wait_seconds = Histogram(
    "sales_agent_turn_wait_seconds", "From a message's arrival to its claim.", buckets=_SLOW, registry=OWN
)
_running = Gauge(
    "sales_agent_turns_in_flight", "Messages being worked on or waiting.", registry=OWN, multiprocess_mode="livesum"
)
_streams = Gauge("sales_agent_streams_in_flight", "Of these, streamed ones.", registry=OWN, multiprocess_mode="livesum")
_predictor_seconds = Histogram(
    "sales_agent_predictor_seconds",
    "One prediction, by where it came from: model, rules, cache.",
    ("predictor", "source"),
    buckets=_FAST,
    registry=OWN,
)
_predictor_fallbacks = Counter(
    "sales_agent_predictor_fallbacks", "Predictions that the rules made, and why.", ("predictor", "why"), registry=OWN
)
_writer_attempts = Counter(
    "sales_agent_writer_attempts", "Writers tried for a reply; outcome: ok, or why not.", ("writer", "outcome"), registry=OWN
)  # fmt: skip
_writer_seconds = Histogram(
    "sales_agent_writer_seconds", "One attempt of a writer, failed ones too.", ("writer",), buckets=_SLOW, registry=OWN
)
_fillers = Counter("sales_agent_fillers", "Replies that began with a filler: the model was slow.", registry=OWN)
_errors = Counter(
    "sales_agent_errors",
    "Requests answered with an error, by its type: turns_queued, store_unavailable, lease_lost, draining, ...",
    ("type",),
    registry=OWN,
)
_breaker_state = Gauge(
    "sales_agent_breaker_state",
    "0 closed, 1 half open, 2 open; the worst of all workers.",
    ("breaker",),
    registry=OWN,
    multiprocess_mode="livemax",
)
_breaker_changes = Counter(
    "sales_agent_breaker_changes", "Changes of a breaker to a state.", ("breaker", "state"), registry=OWN
)
_part_up = Gauge(
    "sales_agent_part_up",
    "Whether a part answered when last asked (by /readyz); the worst of all workers.",
    ("part",),
    registry=OWN,
    multiprocess_mode="livemin",
)
_event_readers = Gauge(
    "sales_agent_event_readers", "Event streams that are open.", registry=OWN, multiprocess_mode="livesum"
)
_event_readers_left = Counter(
    "sales_agent_event_readers_left", "Readers that did not keep up: too_slow, stuck.", ("why",), registry=OWN
)
_event_wakeups = Counter(
    "sales_agent_events_woken_by_changes",
    "Changes of what tells this process of other processes' events: valkey, or polling.",
    ("now_by",),
    registry=OWN,
)
_tasks = Gauge("sales_agent_tasks", "Tasks on the event loops.", registry=OWN, multiprocess_mode="livesum")
_build_info = Gauge(
    "sales_agent_build_info", "Always 1; the version.", ("version",), registry=OWN, multiprocess_mode="livemax"
)


# Looking a series up by its labels costs as much as counting; the sets are closed, so this stays small.
_turns_of = lru_cache(maxsize=4096)(_turns.labels)
_predictor_seconds_of = lru_cache(maxsize=64)(_predictor_seconds.labels)
_writer_attempts_of = lru_cache(maxsize=256)(_writer_attempts.labels)
_writer_seconds_of = lru_cache(maxsize=64)(_writer_seconds.labels)


def started() -> None:
    """A process serves from now on."""
    _build_info.labels(__version__).set(1)


def turn(
    playbook: str, decision: Decision, insights: Insights, reply: Reply, *, degraded: Sequence[str], seconds: float
) -> None:
    """One answered turn. ``seconds``: from the claim to the reply."""
    outcome = "degraded" if degraded else "answered"
    _turns_of(playbook, decision.action.value, reply.writer, outcome).inc()
    _turn_seconds.observe(seconds)
    _fillers.inc(sum(place.startswith("phrases.filler") for place in reply.opening))
    models_ms = 0.0
    for attempt in reply.attempts:
        _attempt(attempt)
        if attempt.writer != OFFLINE:
            models_ms += attempt.elapsed_ms
    _overhead_seconds.observe(max(0.0, seconds - models_ms / 1000))
    for name, said in (
        ("objection", insights.objections),
        ("needs", insights.needs),
        ("conversion", insights.conversion),
    ):
        _predictor_seconds_of(name, said.source).observe(said.elapsed_ms / 1000)
        if said.degraded is not None:
            _predictor_fallbacks.labels(name, said.degraded.partition(":")[0]).inc()


def _attempt(attempt: Attempt) -> None:
    _writer_attempts_of(attempt.writer, attempt.failure or "ok").inc()
    _writer_seconds_of(attempt.writer).observe(attempt.elapsed_ms / 1000)


@contextmanager
def in_flight() -> Generator[None]:
    _running.inc()
    try:
        yield
    finally:
        _running.dec()


def waited(seconds: float) -> None:
    """A message was claimed so long after it had arrived."""
    _wait_seconds.observe(seconds)


def stream_began() -> None:
    _streams.inc()


def stream_ended() -> None:
    _streams.dec()


def event_readers(change: int) -> None:
    _event_readers.inc(change)


def event_reader_left(why: str) -> None:
    _event_readers_left.labels(why).inc()


def events_woken_by(now_by: str) -> None:
    _event_wakeups.labels(now_by).inc()


def error(kind: str) -> None:
    """``kind``: the ``type`` of an answer (``agent.channels.errors``), never an error's text."""
    _errors.labels(kind).inc()


def breaker(name: str, state: str, *, changed: bool) -> None:
    _breaker_state.labels(name).set(BREAKER_STATES[state])
    if changed:
        _breaker_changes.labels(name, state).inc()


def part(name: str, *, up: bool) -> None:
    _part_up.labels(name).set(up)


def tasks(count: int) -> None:
    """How many the event loop of this process has."""
    _tasks.set(count)


def exposition(folder: Path | None) -> bytes:
    """Everything as text: of this process, or of all workers that write into ``folder``. Reads files then."""
    if folder is None:
        return generate_latest(OWN)
    for file in folder.glob("gauge_live*.db"):
        if not _lives(int(file.stem.rpartition("_")[2])):
            file.unlink(missing_ok=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return generate_latest(registry)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
