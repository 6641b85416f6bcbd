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
    database_url: str | None = None
    """``postgresql+asyncpg://...``; without it SQLite in ``data_dir``."""
    playbooks_dir: Path = PLAYBOOKS
    default_playbook: str = "ngx"

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1

    drain_s: Annotated[float, Field(ge=0)] = 20.0
    """On SIGTERM: how long running turns, and those in line, may take to finish before they are given up."""
    lame_duck_s: Annotated[float, Field(ge=0)] = 0.0
    """On SIGTERM, before that: how long new turns are still taken while ``/readyz`` answers 503 already. For a load
    balancer that takes a moment to look elsewhere."""
    workers_dir: Annotated[Path | None, Field(validation_alias="PROMETHEUS_MULTIPROC_DIR")] = None
    """Where the workers of one server keep their metrics; made by ``serve``."""

    turn_budget_s: Annotated[float, Field(gt=0, le=120)] = 15.0
    predictor_deadline_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    cache_s: Annotated[float, Field(ge=0)] = 300.0
    lease_s: Annotated[float, Field(gt=0)] = 30.0
    queue_wait_s: Annotated[float, Field(gt=0)] = 20.0
    queue_length: Annotated[int, Field(ge=1)] = 50
    longest_message: Annotated[int, Field(ge=1, le=100_000)] = 4_000
    longest_body: Annotated[int, Field(ge=1_000)] = 64_000

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

    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_customer_text: bool = False

    @property
    def models_dir(self) -> Path:
        return self.data_dir / "models"

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'sales-agent.sqlite3'}"
