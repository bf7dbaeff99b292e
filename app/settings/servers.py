"""Where the servers are, and how long to wait for them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from app.settings.kinds import Proxies


class ServersSettings(BaseModel):
    """Where the servers are, and how long to wait for them."""

    # Where things are
    home: Path = Path(".fieldgraph")
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    owner_database_url: str | None = None
    redis_url: str | None = Field(default=None, validation_alias="REDIS_URL")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, validation_alias="PORT", ge=1, le=65535)
    public_url: str | None = None
    app_url: str | None = None
    connections_max: int = 5_000
    connections_per_address_max: int = 500
    requests_per_address_at_once_max: int = 200
    storage_url: str | None = None
    storage_s_max: float = 120
    storage_silence_s_max: float = 5
    secret: SecretStr = SecretStr("")
    secret_previous: SecretStr = SecretStr("")
    trusted_proxies: Proxies | None = None
    forwarded_header: Literal["X-Forwarded", "Forwarded"] = "X-Forwarded"
    metrics_token: SecretStr = SecretStr("")
    production: bool = False
    demo: bool = False

    # PostgreSQL
    database_pool: int = 10
    database_pool_wait_s: float = 3
    database_connect_s_max: int = 5
    reader_connections: int = 10
    reader_statements_max: int = 500
    statement_s_max: float = 5
    database_silence_s_max: float = 2
    lock_s_max: float = 2
    transaction_idle_s_max: float = 10
    commit_s_max: float = 5
    aside_s_max: float = 5
    aside_max: int = 10_000

    # Redis, and what runs in the background
    redis_s_max: float = 2
    background_silence_s_max: float = 5
    background_pause_s_max: float = 5

    # Log
    log_kept_level: Literal["ERROR", "CRITICAL"] = "ERROR"
    log_kept_days: float = 30
    log_waiting_max: int = 200
    log_write_s: float = 1
    log_text_length_max: int = 20_000

    @property
    def address(self) -> str:
        """Where people find this installation, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
