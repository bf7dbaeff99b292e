"""GraphQL types for the error log."""

import strawberry
from strawberry import auto

from app.models import system as system_tables
from resolvers.enums import show_enum
from resolvers.system import logs as resolve
from schema.fields import Connection, connection
from schema.row import Row

show_enum(system_tables.LogLevel)


class LogEntry(Row, of=system_tables.LogEntry):
    created_at: auto
    level: auto
    logger: auto
    main_module: auto
    main_function: auto
    message: auto
    traceback: auto
    host_name: auto
    ip: auto
    request_id: auto


@strawberry.type
class LogsQuery:
    log_entries: Connection[LogEntry] = connection(resolve.log_entries)
