"""GraphQL types for the audit log."""

import strawberry
from strawberry import auto

from app.models import system as system_tables
from resolvers.system import audit, nodes
from schema.accounts import User
from schema.fields import Connection, connection, field, one
from schema.row import Node, Row


class AuditEntry(Row, of=system_tables.AuditEntry):
    created_at: auto
    action: auto
    details: auto
    actor: User | None = one(system_tables.AuditEntry.actor)
    user: User | None = one(system_tables.AuditEntry.user)
    subject: Node | None = field(nodes.subject)


@strawberry.type
class AuditQuery:
    audit_entries: Connection[AuditEntry] = connection(audit.audit_entries)
