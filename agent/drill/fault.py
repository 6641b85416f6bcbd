"""The names of the faults, in the order in which they are drilled."""

from enum import StrEnum


class Fault(StrEnum):
    NOTHING = "nothing"
    MODEL_429 = "model_429"
    MODEL_429_RETRY_AFTER = "model_429_retry_after"
    MODEL_500 = "model_500"
    MODEL_SLOW = "model_slow"
    MODEL_STALLED = "model_stalled"
    MODEL_BROKEN_JSON = "model_broken_json"
    MODEL_WRONG_SCHEMA = "model_wrong_schema"
    MODEL_RESET = "model_reset"
    MODEL_MIXED = "model_mixed"
    DATABASE_RESTART = "database_restart"
    DATABASE_CRASH = "database_crash"
    CACHE_GONE = "cache_gone"
    WORKER_KILLED = "worker_killed"
    SERVER_KILLED = "server_killed"
    REPEATS = "repeats"
    PARALLEL_POSTS = "parallel_posts"
    PREDICTOR_HANG = "predictor_hang"
    PREDICTOR_CRASH = "predictor_crash"
