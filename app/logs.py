"""Logs a machine can read in production and a person elsewhere, never with a secret in them."""

import logging
import sys

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from app.settings import settings

SECRET_WORDS = ("password", "token", "secret", "authorization", "cookie", "api_key", "variables")
QUIET = {"uvicorn.error": logging.WARNING, "uvicorn.access": logging.CRITICAL, "httpx": logging.WARNING}


def configure() -> None:
    """Send our logs and those of every library through one formatter to standard error."""
    told: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=told,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[*told, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
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
