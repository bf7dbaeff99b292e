"""Logging as tests want it: short, without colours and without the values of local variables."""

import structlog
from structlog.types import EventDict, WrappedLogger

warnings_of_database: list[str] = []
"""What PostgreSQL warned of in the present test."""


def log_plainly() -> None:
    """Structlog's default renders each traceback with the values of all local variables: seconds for one exception."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _note_warning,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


def _note_warning(_logger: WrappedLogger, _method: str, said: EventDict) -> EventDict:
    if said["event"] == "database warned":
        warnings_of_database.append(f"{said['sqlstate']}: {said['message']}")
    return said
