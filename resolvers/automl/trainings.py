"""Trainings of machines, other work on them, and their versions."""

from dataclasses import asdict, dataclass
from typing import Any

import strawberry
from sqlalchemy import Select

from app.errors import NotFound
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.policies import visible
from app.policies.automl.machines import is_used_by
from app.services.automl import estimates, evaluations, readings, trainings, versions
from app.services.automl import works as work_service
from app.services.automl.class_weights import ClassWeight, ClassWeights
from app.services.automl.estimates import TrainingEstimate
from app.services.automl.machines.making import SplitChoice
from app.services.automl.trainings import TrainingChoice
from app.services.automl.versions import VersionComparison
from app.services.system.files import uploads
from app.services.system.jobs import Standing
from app.tabular.choices import TargetMetric, WorkKind, WorkStatus
from resolvers import ids
from resolvers.automl.machine_changes import MachineSplitInput
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.job_events import standing

# Before the arguments that have them.
for enum in (TargetMetric, WorkKind, WorkStatus):
    show_enum(enum)


@strawberry.input(description="How much a line with a label counts in a training.")
class ClassWeightInput:
    label: str = strawberry.field(description="The label, as the lines have it.")
    weight: float = strawberry.field(
        description="How often a line with it counts, above 0; lines with other labels count once."
    )


@strawberry.input(
    description="How much the lines of each label count in a training: balanced, or by weights of one's own."
)
class ClassWeightsInput:
    is_balanced: bool = strawberry.field(
        default=False,
        description="Whether all labels of an output count the same together, however few lines they have.",
    )
    weights: list[ClassWeightInput] = strawberry.field(
        default_factory=list, description="Weights by label, instead of balancing."
    )

    def chosen(self) -> ClassWeights:
        """As services take it."""
        return ClassWeights(self.is_balanced, [ClassWeight(each.label, each.weight) for each in self.weights])


@dataclass(frozen=True)
class WorkEvent:
    """A snapshot of work. The first says how things stand; in later ones null fields did not change."""

    cursor: str
    work: Work
    status: WorkStatus | None = None
    stage: str | None = None
    message: str | None = None
    progress: float | None = None
    best_score: float | None = None
    eta_s: float | None = None


def works(
    info: Info,
    machine_id: strawberry.ID | None = None,
    kind: WorkKind | None = None,
    status: WorkStatus | None = None,
) -> Select[Work]:
    """Work on the machines that the viewer or their team owns.

    machine_id: Only work on this machine.
    kind: Only work of this kind.
    status: Only work with this status.
    """
    query = visible(Work, info.context.viewer)
    if machine_id is not None:
        query = query.where(Work.machine_id == ids.key(machine_id, Machine))
    if kind is not None:
        query = query.where(Work.kind == kind)
    return query if status is None else query.where(Work.status == status)


async def estimate_training(
    info: Info, machine_id: strawberry.ID, budget_s: float | None = None
) -> list[TrainingEstimate]:
    """What a training of a machine would take and cost, for each level.

    machine_id: The machine: the viewer's own, or their team's.
    budget_s: The budget in seconds that the training is to have; without it, the level's usual one for these lines.
    """
    viewer, key = info.context.viewer, ids.key(machine_id, Machine)
    async with info.context.reading() as session:
        used = visible(Machine, viewer).where(Machine.id == key)
        machine = await session.scalar(used if viewer.is_staff else used.where(is_used_by(viewer)))
        if machine is None:
            raise NotFound("There is no such machine.")
        return await estimates.estimates(session, viewer, machine, budget_s)


async def compare_versions(info: Info, one: strawberry.ID, other: strawberry.ID) -> VersionComparison:
    """Compares two versions of a machine by the figures on lines that they never saw.

    one: A version.
    other: Another version of the same machine.
    """
    viewer = info.context.viewer
    async with info.context.reading() as session:
        return await versions.compare_versions(session, viewer, ids.key(one, NNModel), ids.key(other, NNModel))


async def train_machine(
    info: Info,
    machine_id: strawberry.ID,
    budget_s: float | None = None,
    seed: int = 0,
    split: MachineSplitInput | None = None,
    target_metric: TargetMetric | None = None,
    class_weights: ClassWeightsInput | None = None,
) -> Work:
    """Trains a machine on its lines within a budget of time. Follow it with `workUpdated`.

    A machine trains once at a time. What it learned before answers until the training has finished.

    machine_id: The machine.
    budget_s: The most seconds that learning may take, from 1 to {settings.machine_training_s_max}; the usual time of
        the machine's level if left out, as `estimateTraining` says.
    seed: What chance begins with: equal seeds and lines give equal answers if the budget is not used up.
    split: How lines to evaluate on are set apart this time; as they are marked if left out.
    class_weights: How much the lines of each label count; without it, all count the same.
    target_metric: The figure to make as good as possible; the logarithmic loss of labels and the squared error of
        numbers if left out.
    """
    choice = TrainingChoice(
        budget_s,
        seed,
        None if split is None else SplitChoice(**vars(split)),
        target_metric,
        ClassWeights() if class_weights is None else class_weights.chosen(),
    )
    async with info.context.writing() as session:
        return await trainings.train_machine(session, info.context.viewer, ids.key(machine_id, Machine), choice)


async def cancel_work(info: Info, id: strawberry.ID) -> Work:
    """Cancels work: at once if no worker has begun it. A training that runs keeps the best so far as a version.

    id: The work.
    """
    async with info.context.writing() as session:
        return await work_service.cancel_work(session, info.context.viewer, ids.key(id, Work))


async def set_current_version(info: Info, id: strawberry.ID) -> Machine:
    """Lets another version of a machine's model answer from now on.

    id: The version. Its file must be as it was stored, and belong to its encoders.
    """
    viewer, key = info.context.viewer, ids.key(id, NNModel)
    async with info.context.reading() as session:
        version = await versions.version_seen(session, viewer, key)
    header = await versions.header_of_version(version)
    async with info.context.writing() as session:
        return await versions.set_current_version(session, viewer, key, header)


async def evaluate_machine(info: Info, machine_id: strawberry.ID, upload: str) -> Work:
    """Judges the version that answers now on a table of one's own. Nothing of the table is kept but the figures.

    machine_id: The machine.
    upload: The `upload` value of a link from `requestTableUpload`: a table with all inputs and outputs.
    """
    viewer, key = info.context.viewer, ids.key(machine_id, Machine)
    file = await uploads.uploaded(viewer, upload, use=readings.USE)
    async with info.context.writing() as session:
        return await evaluations.evaluate_machine(session, viewer, key, file=file)


async def work_updated(info: Info, work_id: strawberry.ID, after: str | None = None) -> SourceStream[WorkEvent]:
    """The progress of work on a machine: its stage, the best so far, and when it will end. Completes when it ends.

    work_id: The work.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """

    async def read(event: StreamEvent) -> WorkEvent:
        now = await info.context.renewed().read(Work, work_id)
        return _event(event.position.cursor or "", now, event.payload)

    start = await info.context.events.beginning(after)
    row = await info.context.read(Work, work_id)
    at_work = await standing(info, row.job_id, after=after, is_done=row.status is WorkStatus.FINISHED)
    now = Standing(row.progress, row.stage, at_work.message, row.eta_s)
    first = WorkEvent(start.cursor or "", row, status=row.status, best_score=row.best_score, **asdict(now))
    return SourceStream.of_work(
        info.context.events,
        work_service.topic_of(row.id),
        start,
        read,
        now=first,
        after=after,
        is_over=lambda event: event.status in work_service.ENDED,
    )


def _event(cursor: str, work: Work, payload: dict[str, Any]) -> WorkEvent:
    status = payload.get("status")
    fields = {name: payload.get(name) for name in ("stage", "message", "progress", "best_score", "eta_s")}
    return WorkEvent(cursor, work, None if status is None else WorkStatus(status), **fields)
