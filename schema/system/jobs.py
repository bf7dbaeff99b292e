"""What clients see of work that happens later."""

import strawberry
from strawberry import auto

from app import models as tables
from schema.row import Row

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
