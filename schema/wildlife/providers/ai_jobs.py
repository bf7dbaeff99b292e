"""GraphQL types for AI classification jobs."""

from functools import partial

import strawberry
from strawberry import auto

from app.models import choices as choice_tables
from app.models.billing.ledger import OperationCause
from app.models.kinds.system import SystemRateLimit
from app.models.wildlife import ai_jobs as tables
from app.services.billing import charges
from app.services.wildlife.ai_jobs import config
from resolvers.enums import show_enum
from resolvers.wildlife.providers import ai_jobs as resolve
from schema.accounts import User
from schema.billing.problems import InsufficientFunds
from schema.billing.spending import CostEstimate
from schema.fields import Connection, connection, cursor, field, many, mutation, one, subscription
from schema.problems import Conflict, InvalidInput, LimitReached, Unavailable
from schema.row import Row, shows
from schema.system.jobs import Job
from schema.wildlife.classifications.projects import ClassificationProject, ClassificationProjectCollection
from schema.wildlife.media.types import Resource
from schema.wildlife.providers.types import AIProvider, AIProviderConnection

for enum in (tables.AIJobStage, tables.RemoteStatus, tables.AIOutcome, config.Overwrite):
    show_enum(enum)


class UserRemoteTask(Row, of=tables.UserRemoteTask):
    remote_id: auto
    status: auto
    progress: auto
    last_error: auto
    last_polled: auto
    next_poll_at: auto
    created_at: auto
    finished_at: auto
    user: User | None = one(tables.UserRemoteTask.user)
    connection: AIProviderConnection | None = one(tables.UserRemoteTask.connection)


class AIJobOutcome(Row, of=tables.AIJobOutcome):
    outcome: auto
    reason: auto
    created_at: auto
    resource: Resource | None = one(tables.AIJobOutcome.resource)


class AIClassificationJob(Row, of=tables.AIClassificationJob):
    uuid: auto
    stage: auto
    stage_history: auto
    job_config: auto
    total_count: auto
    ok_count: auto
    skipped_count: auto
    failed_count: auto
    foreign_count: auto
    failure: auto
    created_at: auto
    finished_at: auto
    last_modified: auto
    user: User | None = one(tables.AIClassificationJob.user)
    user_remote_task: UserRemoteTask | None = one(tables.AIClassificationJob.user_remote_task)
    project: ClassificationProject = one(tables.AIClassificationJob.project, needs_read=True)
    collection: ClassificationProjectCollection | None = one(tables.AIClassificationJob.collection)
    ai_provider: AIProvider = one(tables.AIClassificationJob.ai_provider, needs_read=True)
    job: Job | None = one(tables.AIClassificationJob.job)
    outcomes: Connection[AIJobOutcome] = many(tables.AIClassificationJob.outcomes)


@shows(resolve.AIClassificationJobEvent)
class AIClassificationJobEvent:
    cursor: str = cursor()
    stage: tables.AIJobStage = strawberry.field(description="The stage that was reached.")
    progress: float = strawberry.field(description="The share of media with an outcome, from 0 to 1.")
    message: str | None = strawberry.field(
        description="What this installation's own engine does, in a sentence; null if a stage or outcomes changed."
    )
    ai_classification_job: AIClassificationJob = strawberry.field(description="The current state of the job.")


@strawberry.type
class AIJobsQuery:
    ai_classification_job: AIClassificationJob | None = field(resolve.ai_classification_job)
    ai_classification_jobs: Connection[AIClassificationJob] = connection(resolve.ai_classification_jobs)
    ai_job_outcomes: Connection[AIJobOutcome] = connection(resolve.ai_job_outcomes)
    estimate_ai_classification: CostEstimate = field(resolve.estimate_ai_classification)


@strawberry.type
class AIJobsMutation:
    start_ai_classification: (
        AIClassificationJob | InvalidInput | Conflict | LimitReached | Unavailable | InsufficientFunds
    ) = mutation(
        resolve.start_ai_classification,
        scope=choice_tables.Scope.TRAIN,
        rate_limit=SystemRateLimit.JOBS,
        needs_key=partial(charges.has_price, OperationCause.AI_JOB),
    )
    cancel_ai_classification: AIClassificationJob | Conflict = mutation(
        resolve.cancel_ai_classification, scope=choice_tables.Scope.TRAIN
    )
    update_ai_classification: AIClassificationJob | Conflict = mutation(
        resolve.update_ai_classification, scope=choice_tables.Scope.TRAIN, rate_limit=SystemRateLimit.JOBS
    )
    reparse_ai_results: AIClassificationJob | Conflict = mutation(
        resolve.reparse_ai_results, scope=choice_tables.Scope.TRAIN, rate_limit=SystemRateLimit.JOBS
    )


@strawberry.type
class AIJobsSubscription:
    ai_classification_job_updated: AIClassificationJobEvent = subscription(resolve.ai_classification_job_updated)
