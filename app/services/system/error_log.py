"""The error log: errors of this process, stored in the database without secrets, for staff.

Logging an error never blocks: it goes into a bounded queue, and what does not fit is counted. One task writes the queue
from time to time. Its own log events are not stored, so an unavailable database creates no new entries.
"""

import asyncio
import logging
import queue
import socket
import sys
import traceback
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.database import Database
from app.errors import DomainError
from app.models.system import LogEntry, LogLevel
from app.settings import settings
from app.supervision import Background, within
from app.telemetry import logs, redaction

LAST_S_MAX = 2.0
# Fields with a column of their own, or of no use to a reader.
APART = {"event", "level", "logger", "timestamp", "exc_info", "request_id", "stack_info"}

log = structlog.get_logger(__name__)
_is_writing: ContextVar[bool] = ContextVar("is_writing", default=False)


@dataclass(frozen=True)
class Noted:
    """A logged error."""

    at: datetime
    is_critical: bool
    logger: str
    module: str
    function: str
    message: str
    traceback: str | None
    ip: str
    request_id: str

    def entry(self) -> LogEntry:
        """The row to store: without secrets, within limits."""
        most = settings.log_text_length_max
        return LogEntry(
            created_at=self.at,
            level=LogLevel.CRITICAL if self.is_critical else LogLevel.ERROR,
            logger=_line(self.logger, 200),
            main_module=_line(self.module, 200),
            main_function=_line(self.function, 200),
            message=_clean(self.message[:most]),
            # The end of a traceback says most; its first line may be cut in the middle of a secret.
            traceback=self.traceback and _clean(self.traceback[-most:].partition("\n")[2] or self.traceback[-most:]),
            host_name=_line(socket.gethostname(), 200),
            ip=_line(self.ip, 45),
            request_id=_line(self.request_id, 64),
        )


def _clean(text: str) -> str:
    """What PostgreSQL can store, without secrets."""
    return redaction.without_secrets(text.replace("\0", "").encode(errors="replace").decode())


def _line(text: str, length_max: int) -> str:
    return _clean(text)[:length_max]


class Logbook(logging.Handler):
    """Stores records of at least the configured level."""

    def __init__(self, database: Database) -> None:
        super().__init__(settings.log_kept_level)
        self._database = database
        self._waiting: queue.Queue[Noted] = queue.Queue(settings.log_waiting_max)
        self._dropped = 0
        self.background = [
            Background(
                "error log", self._write_on, silence_s_max=settings.log_write_s + settings.background_silence_s_max
            )
        ]

    def start(self) -> None:
        """Attaches to every logger of the process."""
        logging.getLogger().addHandler(self)
        for task in self.background:
            task.start()

    async def stop(self) -> None:
        """Writes what is queued, if that can be done soon."""
        logging.getLogger().removeHandler(self)
        for task in self.background:
            await task.stop()
        with suppress(TimeoutError):
            await within(LAST_S_MAX, self.write())

    def emit(self, record: logging.LogRecord) -> None:
        """Queues an error; called by the thread that logs it."""
        if _is_writing.get():
            return
        try:
            self._waiting.put_nowait(_noted(record))
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001 - as every handler: a log that cannot be written is no reason to fail
            self.handleError(record)

    async def _write_on(self, task: Background) -> None:
        while True:
            await asyncio.sleep(settings.log_write_s)
            await self.write()
            task.well()

    async def write(self) -> None:
        """Writes the queue; what cannot be written now stays queued, what can never be written is dropped."""
        noted, dropped = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())], self._dropped
        if not noted and not dropped:
            return
        before = _is_writing.set(True)
        try:
            entries = await asyncio.to_thread(lambda: [each.entry() for each in noted])
            async with self._database.writing() as session:
                session.add_all([*entries, *_confession(dropped)])
            self._dropped -= dropped
        except (DomainError, OSError) as error:
            self._wait_on(noted)
            log.warning("errors not kept yet", count=len(noted), reason=type(error).__name__)
        except asyncio.CancelledError:
            self._wait_on(noted)
            raise
        except SQLAlchemyError as error:
            self._dropped += len(noted)
            log.warning("errors not kept", count=len(noted), reason=type(error).__name__)
        finally:
            _is_writing.reset(before)

    def _wait_on(self, noted: list[Noted]) -> None:
        for each in noted:
            try:
                self._waiting.put_nowait(each)
            except queue.Full:
                self._dropped += 1


def _confession(dropped: int) -> list[LogEntry]:
    if not dropped:
        return []
    message = f"{dropped} more errors were not stored: there were too many at once, or they could not be written."
    return [LogEntry(level=LogLevel.ERROR, logger=__name__, message=message, host_name=socket.gethostname()[:200])]


def _noted(record: logging.LogRecord) -> Noted:
    # Our loggers pass a dictionary, others a string.
    fields: dict[str, Any] = record.msg if isinstance(record.msg, dict) else {"event": record.getMessage()}
    error = _error(fields.get("exc_info") or record.exc_info)
    facts = ", ".join(f"{name}={value}" for name, value in fields.items() if name not in APART and name[0] != "_")
    message = f"{fields.get('event')} ({facts})" if facts else str(fields.get("event"))
    if error is not None:
        message = f"{message}: {type(error).__name__}: {error}"
    module, function = _place(error.__traceback__ if error else None, record)
    return Noted(
        at=datetime.fromtimestamp(record.created, UTC),
        is_critical=record.levelno >= logging.CRITICAL,
        logger=str(fields.get("logger", record.name)),
        module=module,
        function=function,
        message=message,
        traceback=None if error is None else "".join(traceback.format_exception(error)),
        ip=logs.address.get(),
        request_id=str(fields.get("request_id") or structlog.contextvars.get_contextvars().get("request_id", "")),
    )


def _error(exc_info: Any) -> BaseException | None:
    """The exception, in whichever way it was passed to logging."""
    if isinstance(exc_info, BaseException):
        return exc_info
    error_info = exc_info if isinstance(exc_info, tuple) else sys.exc_info() if exc_info else (None, None, None)
    error: BaseException | None = error_info[1]
    return error


def _place(trace: TracebackType | None, record: logging.LogRecord) -> tuple[str, str]:
    """The module and the function where it happened; without an exception, where it was logged."""
    if trace is None:
        return record.name, record.funcName or ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    return str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
