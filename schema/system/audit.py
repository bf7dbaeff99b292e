"""What clients see of who changed what."""

import strawberry
from strawberry import auto

from app import models as tables
from resolvers import system as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, one
from schema.row import Node, Row


class AuditEntry(Row, of=tables.AuditEntry):
    created_at: auto
    action: auto
    details: auto
    actor: User | None = one(tables.AuditEntry.actor)
    user: User | None = one(tables.AuditEntry.user)
    subject: Node | None = field(resolve.subject)


@strawberry.type
class AuditQuery:
    audit_entries: Connection[AuditEntry] = connection(resolve.audit_entries)
