"""Evaluations of machines on tables of one's own: the same figures as after a training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.formats.tables.lines import LINE_COLUMNS
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.automl.works import Work
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services.automl import works
from app.services.automl.machines.access import machine_to_change, require_rest
from app.services.automl.machines.columns import written
from app.services.automl.machines.loading import columns_in_order
from app.services.automl.trainings import described
from app.services.system import audit
from app.services.system.files.uploads import Uploaded
from app.tabular.choices import WorkKind, WorkStatus
from app.tabular.datatypes import Role

VALUES_PLACE = LINE_COLUMNS.count(",")


@dataclass(frozen=True)
class EvaluationPlan:
    """What a worker needs to evaluate a machine."""

    machine_id: int
    upload_key: str
    version_key: str
    options: dict[str, Any]
    columns: list[dict[str, Any]]
    request: dict[str, Any]


async def evaluate_machine(session: WriteSession, viewer: Viewer, machine_id: int, *, file: Uploaded) -> Work:
    """Queues an evaluation of the version that answers now. Nothing of the table is kept."""
    machine = await machine_to_change(session, viewer, machine_id)
    require_rest(machine)
    if machine.training_nn_model_id is None:
        raise Conflict("This machine has not been trained. Train it first with `trainMachine`.")
    work = Work(
        machine_id=machine.id,
        user_id=signed_in(viewer),
        kind=WorkKind.EVALUATION,
        nn_model_id=machine.training_nn_model_id,
        storage_key=file.key,
    )
    session.add(work)
    await session.flush()
    job = await enqueue(session, AutomlJob.EVALUATE_MACHINE, subject_id=work.id, user_id=work.user_id)
    work.job_id = job.id
    audit.record(session, signed_in(viewer), "evaluateMachine", about=machine)
    await session.flush()
    return work


async def begin_evaluation(session: WriteSession, work_id: int, *, server_name: str) -> EvaluationPlan:
    """Marks an evaluation as begun, and returns what it needs."""
    work = await works.begin(session, work_id, server_name=server_name)
    machine = await session.get_one(Machine, work.machine_id)
    version = await session.get(NNModel, work.nn_model_id or 0)
    if machine.deleted_at is not None or version is None:
        raise NotFound("The machine or its version was deleted.")
    columns = await columns_in_order(session, machine.id)
    # Another file: it has a format of its own, but a header if the first one had.
    options = {"header": machine.table_options["header"], "description_row": machine.table_options["description_row"]}
    return EvaluationPlan(
        machine.id,
        str(work.storage_key),
        version.storage_key,
        options,
        [written(each) for each in columns],
        {"task": "judge_table", "columns": described(columns)},
    )


def as_rows(lines: Path, rows: Path) -> None:
    """The lines of a COPY as rows with a purpose at their end, as the learner reads them."""
    with lines.open("rb") as source, rows.open("wb") as target:
        for line in source:
            values = line.rstrip(b"\n").split(b"\t", VALUES_PLACE)[VALUES_PLACE].replace(b"\\\\", b"\\")
            target.write(values[:-1] + b',"EVALUATION"]\n')


async def finish_evaluation(session: WriteSession, work_id: int, outcome: dict[str, Any]) -> None:
    """Keeps the figures with the work, and ends it."""
    work = await session.get_one(Work, work_id)
    columns = await columns_in_order(session, work.machine_id)
    names = {str(each.position): each.name for each in columns if each.role is Role.INPUT}
    warnings = [{**each, "column": names[each["column"]]} for each in outcome["warnings"]]
    how = f"has finished on {outcome['rows']:,} rows."
    await works.end(session, work_id, WorkStatus.FINISHED, how, figures={**outcome, "warnings": warnings})


async def evaluation_failed(session: WriteSession, work_id: int, reason: str) -> None:
    """What an evaluation that failed for good leaves: the reason."""
    await works.fail(session, work_id, reason)
