"""What clients see of work that happens later."""

import strawberry
from strawberry import auto

from app import models as tables
from app.services import system
from resolvers import system as resolve
from schema.fields import field
from schema.row import Row, shows

strawberry.enum(tables.JobKind, description=tables.JobKind.__doc__)
strawberry.enum(tables.JobState, description=tables.JobState.__doc__)


class Job(Row, of=tables.Job):
    kind: auto
    state: auto
    attempt: auto
    attempts_max: auto
    cancel_requested: auto
    progress: auto
    stage: auto
    message: auto
    eta_s: auto
    error: auto
    created_at: auto
    started_at: auto
    finished_at: auto
    queue_position: int | None = field(resolve.queue_position)
    expected_wait_s: float | None = field(resolve.expected_wait_s)


@shows(system.QueueLoad)
class QueueLoad:
    kind: tables.JobKind = strawberry.field(description="The kind of work.")
    queued: int = strawberry.field(description="How many wait.")
    running: int = strawberry.field(description="How many are being worked on.")
    usual_s: float | None = strawberry.field(description="The median length of the last 20; null if none was done yet.")


@strawberry.type
class QueueQuery:
    queue_loads: list[QueueLoad] = field(resolve.queue_loads)
