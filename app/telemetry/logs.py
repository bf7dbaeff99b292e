"""Logs a machine can read in production and a person elsewhere, never with a secret in them."""

import asyncio
import logging
import sys
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from app.settings import settings

SECRET_WORDS = ("password", "token", "secret", "authorization", "cookie", "api_key", "variables")
QUIET = {
    "uvicorn.error": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
    "httpx": logging.WARNING,
    # The worker of each lane adds the same middleware to their one broker, which warns of it.
    "dramatiq.broker.RedisBroker": logging.ERROR,
}

# Lines that many requests write are kept this long, or until they are so many, to be written together.
KEPT_S_MAX = 0.1
KEPT_MAX = 500

_lines: "Lines | None" = None
# Who is counted as asking; it is in no line, only where errors are kept for staff.
address: ContextVar[str] = ContextVar("address", default="")


class Lines(logging.StreamHandler[TextIO]):
    """Writes a record at once, after the lines that were kept before it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._kept: list[bytes] = []

    def keep(self, line: bytes) -> None:
        """Write this line soon."""
        self._kept.append(line)
        if len(self._kept) == 1:
            try:
                asyncio.get_running_loop().call_later(KEPT_S_MAX, self.flush)
            except RuntimeError:
                # Nobody would come back for it.
                self.flush()
        elif len(self._kept) >= KEPT_MAX:
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Write what was kept; logging itself sees to it at the end of the process."""
        records, self._kept = self._kept, []
        # A stream that is gone takes no records either.
        with suppress(OSError, ValueError):
            if records:
                self.stream.write(b"\n".join([*records, b""]).decode())
            super().flush()


def note(logger: str, event: str, facts: dict[str, object]) -> None:
    """A line as our loggers write it, cheap enough for every request; of values that are no secrets.

    The facts are the line's from then on.
    """
    if _lines is None:
        structlog.get_logger(logger).info(event, **facts)
        return
    facts["event"] = event
    facts["level"] = "info"
    facts["logger"] = logger
    facts["timestamp"] = datetime.now(UTC)
    _lines.keep(orjson.dumps(facts, default=str, option=orjson.OPT_UTC_Z))


def configure() -> None:
    """Send our logs and those of every library through one formatter to standard error."""
    global _lines  # noqa: PLW0603 - a process has one standard error
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=processors,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered()],
    )
    handler = Lines(sys.stderr)
    handler.setFormatter(formatter)
    _lines = handler if settings.production else None
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )


def _rendered() -> list[Processor]:
    # Tracebacks without the values of local variables: those hold passwords and rows.
    if settings.production:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    tracebacks = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=tracebacks)]


def _json(event: object, **_options: object) -> str:
    return orjson.dumps(event, default=str).decode()


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank what is named like a secret, should anyone ever hand one to a log."""
    return {
        name: "***" if any(word in name.lower() for word in SECRET_WORDS) else value for name, value in event.items()
    }
