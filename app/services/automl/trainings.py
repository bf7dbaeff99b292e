"""Trainings of machines: checked and queued, given to a worker, and what they leave behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import exists, func, select

from app import checks
from app.database import ReadSession, WriteSession, copy_out, part
from app.errors import Conflict, Invalid, NotFound, quoted
from app.limits import automl as limits
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.works import Work
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer, is_viewer, signed_in
from app.queue import enqueue
from app.services.automl import class_weights, estimates, works
from app.services.automl.class_weights import ClassWeights
from app.services.automl.machines.access import machine_to_change, require_rest
from app.services.automl.machines.columns import check_split
from app.services.automl.machines.loading import columns_in_order
from app.services.automl.machines.making import SplitChoice
from app.services.automl.machines.stages import begin_all, redo_from
from app.services.billing import charges
from app.services.billing.errors import InsufficientFunds
from app.services.billing.ledger import named
from app.services.system import audit
from app.services.system.files import storage_usage
from app.settings import settings
from app.tabular.choices import (
    MachineSplit,
    MachineStage,
    MachineStatus,
    NNLoss,
    NNOptimizer,
    TargetMetric,
    WorkKind,
    WorkStatus,
)
from app.tabular.datatypes import UNPREDICTABLE, Datatype, Role

LEARNING_MIN, EVALUATION_MIN = 50, 10
METRICS = {
    TargetMetric.LOG_LOSS: "logLoss",
    TargetMetric.AUC: "auc",
    TargetMetric.ACCURACY: "accuracy",
    TargetMetric.F1: "f1",
    TargetMetric.RMSE: "rmse",
    TargetMetric.MAE: "mae",
    TargetMetric.R2: "r2",
}
METRIC_OF = {name: metric for metric, name in METRICS.items()}
LINES = """
COPY (
    SELECT values || to_jsonb(CASE WHEN is_for_evaluation THEN 'EVALUATION' ELSE 'LEARNING' END)
    FROM machine_lines
    WHERE machine_id = %(machine_id)s AND id <= %(last_id)s AND has_outputs
        AND (is_for_evaluation OR is_for_learning AND (%(limit)s < 0 OR id IN (
            SELECT id FROM machine_lines
            WHERE machine_id = %(machine_id)s AND id <= %(last_id)s AND has_outputs AND is_for_learning
            ORDER BY hashint8(id), id LIMIT greatest(%(limit)s, 0)
        )))
    ORDER BY id
) TO STDOUT
"""


@dataclass(frozen=True)
class TrainingChoice:
    """What is asked of a training; what is null is chosen for the machine."""

    budget_s: float | None = None
    seed: int = 0
    split: SplitChoice | None = None
    target_metric: TargetMetric | None = None
    class_weights: ClassWeights = field(default_factory=ClassWeights)


@dataclass(frozen=True)
class TrainingPlan:
    """What a worker needs to train a machine."""

    machine_id: int
    request: dict[str, Any]
    last_line_id: int
    line_limit: int
    is_stop_requested: bool


async def train_machine(session: WriteSession, viewer: Viewer, machine_id: int, choice: TrainingChoice) -> Work:
    """Queues a training. Everything that can be checked is refused now, not by a job that fails later."""
    machine = await machine_to_change(session, viewer, machine_id)
    require_rest(machine)
    columns = await columns_in_order(session, machine_id)
    _check(machine, columns, choice)
    await storage_usage.require_any_room(session, machine.machine_owner_user_id)
    used = _used(columns)
    lines = machine.learning_line_count + machine.evaluation_line_count
    budget_s = choice.budget_s or estimates.usual_s(machine.machine_level, lines=lines, columns=used)
    price = charges.price_for(estimates.purpose_of(machine, columns=used, level=machine.machine_level))
    work = Work(
        machine_id=machine.id,
        user_id=signed_in(viewer),
        kind=WorkKind.TRAINING,
        options=_written(choice, budget_s) | {"priceTokens": str(price)},
        work_duration_estimation_seconds=budget_s,
    )
    session.add(work)
    await session.flush()
    job = await enqueue(session, AutomlJob.TRAIN_MACHINE, subject_id=work.id, user_id=work.user_id)
    work.job_id = job.id
    purpose = estimates.purpose_of(machine, columns=used, level=machine.machine_level, subject=named(work))
    try:
        await charges.hold_for(session, job, purpose, payer_id=machine.machine_owner_user_id)
    except InsufficientFunds:
        # What somebody else has is nobody's business.
        if is_viewer(viewer, machine.machine_owner_user_id):
            raise
        raise Conflict("The owner of this machine has too few tokens for this training.") from None
    audit.record(session, signed_in(viewer), "trainMachine", about=machine)
    await session.refresh(work)
    return work


async def train_first(session: WriteSession, viewer: Viewer, machine_id: int) -> None:
    """Queues the first training once there are lines enough; what is missing for it, more lines may bring.

    Whoever calls it has locked the machine, so nobody else starts one meanwhile.
    """
    of_machine = Work.machine_id == machine_id, Work.kind == WorkKind.TRAINING
    begun = exists().where(*of_machine, Work.status.in_((*works.UNFINISHED, WorkStatus.FINISHED)))
    if await session.scalar(select(begun)):
        return
    try:
        async with part(session):
            await train_machine(session, viewer, machine_id, TrainingChoice())
    except (Conflict, Invalid, InsufficientFunds):
        return


def _used(columns: Sequence[MachineColumn]) -> int:
    return sum(each.role is not Role.IGNORE for each in columns)


def _written(choice: TrainingChoice, budget_s: float) -> dict[str, Any]:
    split = choice.split
    return {
        "budgetS": budget_s,
        "seed": choice.seed,
        "split": split and {**vars(split), "kind": split.kind.value},
        "targetMetric": choice.target_metric and choice.target_metric.value,
        "classWeights": choice.class_weights.written(),
    }


def _check(machine: Machine, columns: Sequence[MachineColumn], choice: TrainingChoice) -> None:
    if choice.budget_s is not None:
        checks.within("budgetS", choice.budget_s, estimates.BUDGET_S_MIN, settings.machine_training_s_max)
    checks.within("seed", choice.seed, 0, limits.SEED_MAX)
    if machine.parameter_nn_optimizer is NNOptimizer.ADADELTA:
        raise Conflict("The optimizer ADADELTA is not available. Set another one, or none, with updateMachine.")
    if choice.split is not None:
        _check_split(choice.split, columns)
    _check_columns(columns, choice.target_metric)
    class_weights.check(choice.class_weights, columns)
    _check_lines(machine, choice.split)


def _check_split(split: SplitChoice, columns: Sequence[MachineColumn]) -> None:
    # Here lines are marked already.
    if split.kind is not MachineSplit.MARKED or split.column is not None:
        check_split(split.kind, split.column, columns)
    checks.within(
        "split.evaluationPercentage",
        split.evaluation_percentage,
        limits.EVALUATION_PERCENTAGE_MIN,
        limits.EVALUATION_PERCENTAGE_MAX,
    )
    checks.within("split.seed", split.seed, 0, limits.SEED_MAX)


def _check_columns(columns: Sequence[MachineColumn], metric: TargetMetric | None) -> None:
    outputs = [each for each in columns if each.role is Role.OUTPUT]
    for role, some in (("inputs", [each for each in columns if each.role is Role.INPUT]), ("outputs", outputs)):
        if not some:
            raise Conflict(f"This machine has no {role}, so there is nothing to learn. Make another one of the table.")
    for each in outputs:
        if each.datatype in UNPREDICTABLE:
            raise Conflict(
                f"The output {quoted(each.name)} has the datatype {each.datatype.value}, which cannot be predicted. "
                "Make another machine of the table, with another output or the datatype LABEL."
            )
    if metric is not None and not any((each.datatype is Datatype.LABEL) is metric.is_of_classes for each in outputs):
        what = "labels" if metric.is_of_classes else "numbers"
        raise Invalid("targetMetric", f"{metric.value} judges {what}, and no output of this machine has {what}.")


def _check_lines(machine: Machine, split: SplitChoice | None) -> None:
    learning, evaluation = machine.learning_line_count, machine.evaluation_line_count
    if machine.status is not MachineStatus.READY or not learning + evaluation:
        raise Conflict("This machine has no lines to learn from. Add lines with outputs first.")
    if split is not None and split.kind is not MachineSplit.MARKED:
        if learning + evaluation < LEARNING_MIN + EVALUATION_MIN:
            raise Conflict(
                f"This machine has {learning + evaluation} lines to learn from and to evaluate on. "
                f"At least {LEARNING_MIN + EVALUATION_MIN} are needed. Add lines."
            )
    elif learning < LEARNING_MIN or evaluation < EVALUATION_MIN:
        raise Conflict(
            f"This machine has {learning} lines to learn from and {evaluation} to evaluate on. At least "
            f"{LEARNING_MIN} and {EVALUATION_MIN} are needed. Add lines, or split them differently."
        )


async def begin_training(session: WriteSession, work_id: int, *, server_name: str) -> TrainingPlan:
    """Marks a training as begun, and returns what it needs. Lines that change from now on count for the next one."""
    work = await works.begin(session, work_id, server_name=server_name)
    machine = await session.get_one(Machine, work.machine_id, with_for_update={"key_share": True})
    if machine.deleted_at is not None:
        raise NotFound("The machine was deleted.")
    machine.machine_columns_errors = {}
    begin_all(machine)
    columns = await columns_in_order(session, machine.id)
    last = await session.scalar(select(func.max(MachineLine.id)).where(MachineLine.machine_id == machine.id))
    is_limited = machine.machine_is_data_lines_training_count_limit_enabled
    most = machine.machine_data_lines_training_count_limit if is_limited else None
    return TrainingPlan(
        machine.id,
        _request(machine, columns, work.options),
        last or 0,
        -1 if most is None else most,
        work.is_stop_requested,
    )


def described(columns: Sequence[MachineColumn]) -> list[dict[str, Any]]:
    """The columns of a machine as the learner takes them: known by their positions."""
    return [
        {
            "id": str(each.position),
            "name": each.name,
            "datatype": each.datatype.value,
            "role": each.role.value,
        }
        for each in columns
    ]


def _request(machine: Machine, columns: Sequence[MachineColumn], options: dict[str, Any]) -> dict[str, Any]:
    metric = options.get("targetMetric")
    optimizer, loss = machine.parameter_nn_optimizer or NNOptimizer.ADAM, machine.parameter_nn_loss
    return {
        "task": "learn_table",
        "columns": described(columns),
        "level": machine.machine_level,
        "budget_s": options["budgetS"],
        "seed": options["seed"],
        "split": _split(machine, columns, options.get("split")),
        "target_metric": metric and METRICS[TargetMetric(metric)],
        "class_weights": options.get("classWeights"),
        "loss": None if loss is None else NNLoss(loss).value.lower(),
        "optimizer": optimizer.value.lower(),
        "shape": machine.parameter_nn_shape,
    }


def _split(machine: Machine, columns: Sequence[MachineColumn], chosen: dict[str, Any] | None) -> dict[str, Any]:
    """How rows are set aside: as lines are marked, with folds as they were marked by, or as somebody chose."""
    positions = {each.name: str(each.position) for each in columns}
    if chosen is not None and chosen["kind"] != MachineSplit.MARKED.value:
        return {
            "by": chosen["kind"],
            "column": positions.get(chosen["column"]),
            "evaluation_share": chosen["evaluation_percentage"] / 100,
            "seed": chosen["seed"],
        }
    if machine.split in {MachineSplit.TIME, MachineSplit.GROUP} and machine.split_column in positions:
        return {"by": machine.split.value, "column": positions[machine.split_column], "is_marked": True}
    return {"by": "MARKED"}


async def write_lines(session: ReadSession, plan: TrainingPlan, target: Path) -> None:
    """Writes the lines to learn from and to evaluate on to a file, a JSON list with the purpose at its end each."""
    values = {"machine_id": plan.machine_id, "last_id": plan.last_line_id, "limit": plan.line_limit}
    with target.open("wb") as file:
        async for piece in copy_out(session, LINES, values):
            file.write(piece.replace(b"\\\\", b"\\"))


async def is_stop_requested(session: ReadSession, work_id: int) -> bool:
    """Whether somebody wants a training to stop and to keep the best so far."""
    return bool(await session.scalar(select(Work.is_stop_requested).where(Work.id == work_id)))


async def training_failed(session: WriteSession, work_id: int, reason: str) -> None:
    """What a training that failed for good leaves: the machine answers as before, and says why."""
    work = await works.fail(session, work_id, reason)
    machine = await session.get_one(Machine, work.machine_id, with_for_update={"key_share": True})
    redo_from(machine, MachineStage.MDC)
    if work.status is WorkStatus.ERROR:
        machine.machine_columns_errors = {"*": work.failure}
    await works.log(session, machine, reason, is_success=False)
