"""All settings, read from the environment (``SALES_AGENT_...``) in this one place. An explicit argument wins."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from prompts import PLAYBOOKS


class Settings(BaseSettings):
    """Times in seconds. Without any model key the offline composer writes every reply."""

    model_config = SettingsConfigDict(env_prefix="SALES_AGENT_", env_file=None, extra="ignore", frozen=True)

    data_dir: Path = Path("data")
    models_dir: Path = Field(default_factory=lambda given: given["data_dir"] / "models")
    """The predictors' bundles, a folder each."""
    database_url: str | None = None
    """``postgresql://...``; without it SQLite in ``data_dir``."""
    playbooks_dir: Path = PLAYBOOKS
    default_playbook: str = "ngx"
    policy: Path | None = None
    """A YAML file that says how actions are ordered (``agent.policies``); without it the rules' own order."""
    prompt: Path | None = None
    """A template that takes the place of ``prompts/system.md.j2``."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1

    keys: Literal["auto", "required", "off"] = "auto"
    """Whether callers need an API key. ``auto``: unless the server listens on a loopback address only."""
    key_cache_s: Annotated[float, Field(ge=0, le=300)] = 30.0
    """How long a verified key is believed without asking the database: a revoked key works at most that much longer."""
    rate_limit: Annotated[str, Field(pattern=r"^(auto|[1-9][0-9]{0,5}/(second|minute|hour|day))?$")] = "auto"
    """``100/minute``: requests a key (without keys: a client address) may send; empty: no limit. ``auto``: 100 a minute
    when keys are required, else none."""
    valkey_url: SecretStr | None = None
    cors_origins: Annotated[str, Field(pattern=r"^(\*|(https?://[^\s,/]+)(, *https?://[^\s,/]+)*)?$")] = ""
    """Web pages that may call the API from a browser, comma-separated origins; ``*`` for any."""
    hsts_s: Annotated[int, Field(ge=0)] = 0
    """Seconds for which browsers insist on HTTPS; only where TLS ends in front of this server."""
    drain_s: Annotated[float, Field(ge=0)] = 20.0
    """On SIGTERM: how long running turns, and those in line, may take to finish before they are given up."""
    lame_duck_s: Annotated[float, Field(ge=0)] = 0.0
    """On SIGTERM, before that: how long new turns are still taken while ``/readyz`` answers 503 already. For a load
    balancer that takes a moment to look elsewhere."""
    workers_dir: Path | None = None
    """Where the workers of one server keep their metrics; made and set by ``serve``."""

    turn_budget_s: Annotated[float, Field(gt=0, le=120)] = 15.0
    predictor_deadline_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    cache_s: Annotated[float, Field(ge=0)] = 300.0
    lease_s: Annotated[float, Field(gt=0)] = 5.0
    """How long a message stays with a process that says nothing more; past it another takes its turn over."""
    store_patience_s: Annotated[float, Field(ge=0)] = 8.0
    """How long a turn waits for a database that is away."""
    sweep_s: Annotated[float, Field(gt=0)] = 1.0
    retention_days: Annotated[float, Field(gt=0)] | None = None
    """Conversations in which nothing happened for that long are erased; without it they are kept."""
    queue_wait_s: Annotated[float, Field(gt=0)] = 20.0
    queue_length: Annotated[int, Field(ge=1)] = 50
    longest_message: Annotated[int, Field(ge=1, le=4_000)] = 4_000
    longest_body: Annotated[int, Field(ge=1_000)] = 64_000

    events_heartbeat_s: Annotated[float, Field(gt=0)] = 15.0
    """How often an event stream on which nothing happens says that it is there."""
    events_longest_s: Annotated[float, Field(gt=0)] = 900.0
    """After which an event stream is ended, and its reader comes back with a key that is looked at again."""
    events_replayed: Annotated[int, Field(ge=1, le=10_000)] = 500
    """How many old events a reader is given at most, the newest of them."""
    events_streams: Annotated[int, Field(ge=1)] = 100
    """Event streams that one key may have open in one process."""

    models: str = ""
    """Order of the model ladder, comma-separated: ``openai``, ``anthropic``, ``langchain``. The composer always ends it."""
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-5-mini"
    openai_structured: Literal["json_schema", "json_object", "off"] = "json_schema"
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None
    anthropic_model: str = "claude-haiku-4-5"
    first_token_s: Annotated[float, Field(gt=0)] = 4.0
    token_gap_s: Annotated[float, Field(gt=0)] = 3.0
    reply_s: Annotated[float, Field(gt=0)] = 12.0
    model_concurrency: Annotated[int, Field(ge=1)] = 128
    """Requests to one model at a time; one more goes to the next rung of the ladder."""
    retry_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of a model's requests that may be second tries."""
    filler_after_s: Annotated[float, Field(gt=0)] | None = 0.7
    """On voice channels: when nothing of a reply was said by then, a phrase of the playbook's is; without it, never."""
    hedge_after_s: Annotated[float, Field(gt=0)] | None = None
    """Without a word for this long, the next model is asked, too; the first to speak is heard."""

    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    """``https://agent.example.com``: where callers reach this server when it stands behind a proxy."""
    twilio_auth_token: SecretStr | None = None
    """With it, ``WS /ws/conversation-relay`` takes only calls that Twilio has signed."""
    transfer_number: Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14})?$")] = ""
    """Where a call goes that a person takes over, on platforms that want a number: ``+13055550134``."""

    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_customer_text: bool = False

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'sales-agent.sqlite3'}"
