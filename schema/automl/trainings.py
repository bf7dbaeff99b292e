"""GraphQL types and fields for trainings of machines, other work on them, and their versions."""

from decimal import Decimal
from functools import partial

import strawberry

from app.models.billing.ledger import OperationCause
from app.models.choices import Scope
from app.models.kinds.automl import AutomlRateLimit
from app.services.automl import estimates, versions
from app.services.billing import charges
from app.tabular import choices
from resolvers.automl import trainings as resolve
from schema.automl.machines import Machine, NNModel, Work
from schema.billing.problems import InsufficientFunds
from schema.fields import Connection, connection, cursor, field, mutation, subscription
from schema.problems import Conflict, InvalidInput
from schema.row import shows


@shows(estimates.TrainingEstimate)
class TrainingEstimate:
    level: int = strawberry.field(description="The level.")
    seconds: float = strawberry.field(description="The seconds that learning may take.")
    price_tokens: Decimal = strawberry.field(description="The price in EAML tokens, for the owner of the machine.")
    line_count: int = strawberry.field(description="The number of lines to learn from and to evaluate on.")
    column_count: int = strawberry.field(description="The number of inputs and outputs.")
    is_affordable: bool | None = strawberry.field(
        description="Whether the owner could pay it now; shown to the owner, for the level of the machine."
    )


@shows(versions.OutputComparison)
class OutputComparison:
    output: str = strawberry.field(description="The output.")
    metric: choices.TargetMetric = strawberry.field(description="The figure that is compared.")
    one_score: float | None = strawberry.field(description="The score of the one.")
    other_score: float | None = strawberry.field(description="The score of the other.")
    is_other_better: bool | None = strawberry.field(description="Whether the other is better.")


@shows(versions.VersionComparison)
class VersionComparison:
    one: NNModel = strawberry.field(description="The one version.")
    other: NNModel = strawberry.field(description="The other version.")
    is_comparable: bool = strawberry.field(
        description="Whether both were judged in the same way: by the same split, with as many lines."
    )
    outputs: list[OutputComparison] = strawberry.field(description="The scores for each output that both have.")


@shows(resolve.WorkEvent)
class WorkEvent:
    cursor: str = cursor()
    work: Work = strawberry.field(description="The current state of the work.")
    status: choices.WorkStatus | None = strawberry.field(description="The new status, if it changed.")
    stage: str | None = strawberry.field(description="The current stage, in one word.")
    message: str | None = strawberry.field(description="The current stage, in a sentence.")
    progress: float | None = strawberry.field(description="The progress, from 0 to 1.")
    best_score: float | None = strawberry.field(description="The best score so far.")
    eta_s: float | None = strawberry.field(description="The estimated seconds until it ends.")


@strawberry.type
class TrainingsQuery:
    works: Connection[Work] = connection(resolve.works)
    estimate_training: list[TrainingEstimate] = field(resolve.estimate_training)
    compare_versions: VersionComparison = field(resolve.compare_versions)


@strawberry.type
class TrainingsMutation:
    train_machine: Work | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.train_machine,
        scope=Scope.TRAIN,
        rate_limit=AutomlRateLimit.MACHINE_TRAININGS,
        needs_key=partial(charges.has_price, OperationCause.MACHINE_TRAINING),
    )
    cancel_work: Work | Conflict = mutation(resolve.cancel_work)
    set_current_version: Machine | Conflict = mutation(resolve.set_current_version)
    evaluate_machine: Work | InvalidInput | Conflict = mutation(
        resolve.evaluate_machine, scope=Scope.TRAIN, rate_limit=AutomlRateLimit.MACHINE_TRAININGS
    )


@strawberry.type
class TrainingsSubscription:
    work_updated: WorkEvent = subscription(resolve.work_updated)
