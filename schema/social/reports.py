"""GraphQL types for reports."""

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models import reports as report_tables
from resolvers.enums import show_enum
from resolvers.social import reports as resolve
from resolvers.system import nodes
from schema.accounts import User
from schema.fields import Connection, computed, connection, field, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Node, Row

for enum in (report_tables.ReportReason, report_tables.ReportState, report_tables.ReportAction):
    show_enum(enum)


class Report(Row, of=report_tables.Report):
    created_at: auto
    reason: auto
    comment: auto
    evidence: str | None = computed(resolve.evidence)
    evidence_url: str | None = field(resolve.evidence_url)
    state: auto
    action: auto
    resolution: auto
    resolved_at: auto
    user: User = one(report_tables.Report.user)
    accused: User | None = one(report_tables.Report.accused)
    resolved_by: User | None = one(report_tables.Report.resolved_by)
    subject: Node | None = field(nodes.subject)


@strawberry.type
class ReportsQuery:
    reports: Connection[Report] = connection(resolve.reports)


@strawberry.type
class ReportsMutation:
    report: Report | InvalidInput | Conflict = mutation(resolve.report)
    resolve_report: Report | InvalidInput | Conflict = mutation(resolve.resolve_report, scope=choice_tables.Scope.ADMIN)
