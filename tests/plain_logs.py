"""Logging as tests want it: short, without colours and without the values of local variables."""

import structlog


def log_plainly() -> None:
    """Structlog's default renders each traceback with the values of all local variables: seconds for one exception."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )
