"""GraphQL types for background jobs."""

import strawberry
from strawberry import auto

from app.models import system as system_tables
from app.models.kinds import JobKind
from app.services.system import queue
from app.settings import settings
from resolvers.enums import show_enum
from resolvers.system import queue as resolve
from schema.fields import field
from schema.row import Row, shows

show_enum(JobKind)
show_enum(system_tables.JobState)


class Job(Row, of=system_tables.Job):
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


@shows(queue.QueueLoad)
class QueueLoad:
    kind: JobKind = strawberry.field(description="The kind of job.")
    queued: int = strawberry.field(description="The number of waiting jobs.")
    running: int = strawberry.field(description="The number of running jobs.")
    usual_s: float | None = strawberry.field(
        description=f"The median duration of the last {settings.queue_jobs_remembered_max} jobs; "
        "null if none has finished yet."
    )


@strawberry.type
class QueueQuery:
    queue_loads: list[QueueLoad] = field(resolve.queue_loads)
