"""What clients see of reports."""

import strawberry
from strawberry import auto

from app import models as tables
from resolvers import social as resolve
from resolvers import system
from schema.accounts import User
from schema.fields import Connection, computed, connection, field, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Node, Row

for enum in (tables.ReportReason, tables.ReportState, tables.ReportAction):
    strawberry.enum(enum, description=enum.__doc__)


class Report(Row, of=tables.Report):
    created_at: auto
    reason: auto
    comment: auto
    evidence: str | None = computed(resolve.evidence)
    evidence_url: str | None = field(resolve.evidence_url)
    state: auto
    action: auto
    resolution: auto
    resolved_at: auto
    user: User = one(tables.Report.user)
    accused: User | None = one(tables.Report.accused)
    resolved_by: User | None = one(tables.Report.resolved_by)
    subject: Node | None = field(system.subject)


@strawberry.type
class ReportsQuery:
    reports: Connection[Report] = connection(resolve.reports)


@strawberry.type
class ReportsMutation:
    report: Report | InvalidInput | Conflict = mutation(resolve.report)
    resolve_report: Report | InvalidInput | Conflict = mutation(resolve.resolve_report, scope=tables.Scope.ADMIN)
