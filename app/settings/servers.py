"""Where the servers are, and how long to wait for them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from app.settings.kinds import INTEGER_MAX, Count, DaysOrPart, Duration, Proxies, Share, WholeDuration
from app.settings.units import MIB


class ServersSettings(BaseModel):
    """Where the servers are, and how long to wait for them."""

    # Addresses
    home: Path = Field(
        default=Path(".fieldgraph"),
        description="The folder of this installation: its files, its secret and its private servers.",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="The address of PostgreSQL, such as postgresql+psycopg://user:password@host/name.",
    )
    owner_database_url: str | None = Field(
        default=None, description="The address of PostgreSQL as the owner of the tables, which migrations need."
    )
    reader_url: str | None = Field(
        default=None,
        description="The address of one replica of the database, a standby, where queries are read; none if unset.",
    )
    redis_url: str | None = Field(
        default=None, validation_alias="REDIS_URL", description="The address of Redis, such as redis://host:6379/0."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen at.")
    port: int = Field(default=8000, validation_alias="PORT", ge=1, le=65535, description="The port to listen at.")
    public_url: str | None = Field(default=None, description="The address that people use, without a slash at its end.")
    app_url: str | None = Field(
        default=None, description="The front end that mails link to; the built-in account pages if there is none."
    )
    connections_max: Count = Field(default=5_000, description="Connections that one process keeps open.")
    connections_per_address_max: Count = Field(
        default=500, description="Connections that one network address keeps open."
    )
    requests_per_address_at_once_max: Count = Field(default=200, description="Requests of one network address at once.")
    storage_url: str | None = Field(
        default=None, description="Where files are stored, such as s3://bucket/folder; the home folder if unset."
    )
    storage_s_max: Duration = Field(default=120, description="Time for one transfer to or from the file storage.")
    storage_silence_s_max: Duration = Field(
        default=5, description="Time that the file storage may be silent in a transfer."
    )
    secret: SecretStr = Field(
        default=SecretStr(""), description="The key that signs links: 32 bytes or more, the same on every machine."
    )
    secret_previous: SecretStr = Field(
        default=SecretStr(""), description="Former keys, separated by commas; links that they signed are still valid."
    )
    trusted_proxies: Proxies | None = Field(
        default=None,
        description="Proxies to trust: addresses, networks such as 10.0.0.0/8, or unix; separated by commas.",
    )
    forwarded_header: Literal["X-Forwarded", "Forwarded"] = Field(
        default="X-Forwarded", description="The header that the proxies write."
    )
    metrics_token: SecretStr = Field(default=SecretStr(""), description="The token that reads /metrics.")
    production: bool = Field(
        default=False, description="Whether this is production: JSON logs, no demo, only strong secrets."
    )
    demo: bool = Field(default=False, description="Whether the servers of the demo are served at /demo.")

    # PostgreSQL
    database_pool: int = Field(default=10, ge=2, le=INTEGER_MAX, description="Connections of one process for sessions.")
    database_pool_wait_s: Duration = Field(default=3, description="Time to wait for a free connection.")
    database_connect_s_max: WholeDuration = Field(default=5, description="Time to connect to PostgreSQL.")
    reader_connections: Count = Field(default=10, description="Connections of one process for planned reads.")
    reader_statements_max: Count = Field(default=500, description="Prepared statements of one reading connection.")
    reader_lag_s_max: Duration = Field(
        default=2, description="How far the replica may lag; beyond it, queries are read at the primary."
    )
    statement_s_max: Duration = Field(default=5, description="Time for one statement of a request.")
    database_silence_s_max: Duration = Field(
        default=2, description="Time that PostgreSQL may be silent beyond the time for a statement."
    )
    lock_s_max: Duration = Field(default=2, description="Time to wait for a lock.")
    sort_bytes_max: int = Field(
        default=32 * MIB,
        ge=MIB,
        le=1_024 * MIB,
        description="Memory for one sort of a statement before it uses the disk; not of planned reads.",
    )
    transaction_idle_s_max: Duration = Field(
        default=10, description="Time that a transaction may be idle before PostgreSQL ends it."
    )
    transaction_s_max: Duration = Field(
        default=30, description="Time for one transaction that writes; events of others wait for it."
    )
    long_transaction_s_max: Duration = Field(
        default=300, description="Time for one transaction of an import or of the deletion of an account."
    )
    commit_s_max: Duration = Field(default=5, description="Time for a commit.")
    aside_s_max: Duration = Field(default=5, description="Time for one piece of work after a commit.")
    aside_max: Count = Field(default=10_000, description="Pieces of work that wait until after a commit.")

    # Redis, and what runs in the background
    redis_s_max: Duration = Field(default=2, description="Time for one command to Redis.")
    background_silence_s_max: Duration = Field(
        default=5, description="Time without a sign of life after which a background task counts as stuck."
    )
    background_pause_s_max: Duration = Field(
        default=5, description="Longest pause before a failed background task starts again."
    )

    # Log
    log_kept_level: Literal["ERROR", "CRITICAL"] = Field(
        default="ERROR", description="The level from which log entries are kept in the database."
    )
    log_kept_days: DaysOrPart = Field(default=30, description="How long log entries are kept.")
    log_waiting_max: Count = Field(
        default=200, description="Log entries that wait to be written; more are counted and dropped."
    )
    traces_url: str | None = Field(
        default=None,
        description="Where traces are sent by OTLP over HTTP, such as http://host:4318/v1/traces. Needs the extra "
        "`traces`; without it nothing is traced.",
    )
    traces_share: Share = Field(default=1.0, description="The share of requests and jobs that are traced.")
    log_write_s: Duration = Field(default=1, description="Time between writes of log entries.")
    log_text_length_max: Count = Field(
        default=20_000, description="Characters of a log message or traceback that are kept."
    )

    @property
    def address(self) -> str:
        """Where people find this installation, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
