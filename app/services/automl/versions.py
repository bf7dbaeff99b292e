"""Versions of a machine's model: stored once by the training that made them, compared, and chosen."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import Any

from sqlalchemy import delete, func, or_, select, update

from app.database import ReadSession, WriteSession, lock
from app.errors import Conflict, Invalid, NotFound
from app.gateways import storage
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.automl.lines import DataLinesOperation, MachineLine
from app.models.automl.machines import Machine
from app.models.automl.models import EncDecConfiguration, NNModel
from app.models.automl.works import Work
from app.policies import Viewer, signed_in, visible
from app.services.automl import works
from app.services.automl.machines.access import machine_to_change, table_name
from app.services.automl.machines.loading import columns_in_order
from app.services.automl.trainings import METRIC_OF, TrainingPlan
from app.services.system import audit
from app.services.system.files import left_files
from app.settings import settings
from app.tabular.bundle import UnreadableMachine, header_of
from app.tabular.choices import TargetMetric, WorkStatus
from app.tabular.metrics import is_better
from app.tabular.predictor import Predictor
from app.telemetry.metering import in_thread

Outcome = Mapping[str, Any]
WARNING_LENGTH_MAX = 10_000
FOLDER = "machines"
left_files.named_by(FOLDER, NNModel.storage_key)


@dataclass(frozen=True)
class LearnedMachine:
    """What a training left: a file that is stored already, what stands in its header, and what was measured."""

    storage_key: str
    sha256: str
    size_bytes: int
    header: dict[str, Any]
    outcome: dict[str, Any]
    hardware: str


def checked_header(data: bytes) -> dict[str, Any]:
    """The header of a machine's file whose weights and encoders belong together."""
    Predictor.load(data)
    return header_of(data)


async def keep_version(session: WriteSession, work_id: int, plan: TrainingPlan, learned: LearnedMachine) -> NNModel:
    """Stores what a training has made as the version that answers from now on."""
    work = await session.get_one(Work, work_id)
    machine = await session.get_one(Machine, plan.machine_id, with_for_update={"key_share": True})
    if machine.deleted_at is not None:
        raise NotFound("The machine was deleted.")
    encoders = EncDecConfiguration(
        machine_id=machine.id, sha256=learned.header["encoders_sha256"], enc_dec_config=_encoders_of(learned)
    )
    session.add(encoders)
    newest = select(func.coalesce(func.max(NNModel.version), 0)).where(NNModel.machine_id == machine.id)
    await session.flush()
    version = NNModel(
        machine_id=machine.id,
        enc_dec_configuration_id=encoders.id,
        version=(await session.scalars(newest)).one() + 1,
        level=machine.machine_level,
        seed=work.options["seed"],
        storage_key=learned.storage_key,
        sha256=learned.sha256,
        size_bytes=learned.size_bytes,
        shape=_shape_of(learned.header),
        figures=await _by_names(session, machine, learned.outcome),
        hardware=learned.hardware,
    )
    session.add(version)
    await session.flush()
    _describe(machine, learned.outcome, learned.hardware)
    _make_current(machine, version)
    # What this training costs, beside what all before have cost.
    before = machine.machine_billing_cost_training_usd or Decimal(0)
    machine.machine_billing_cost_training_usd = before + Decimal(work.options["priceTokens"]) * settings.token_price_usd
    await session.flush()
    return version


async def _by_names(session: ReadSession, machine: Machine, outcome: Outcome) -> dict[str, Any]:
    """What was measured, with the names of columns, and with the split that the marks of lines come from."""
    names = {str(each.position): each.name for each in await columns_in_order(session, machine.id)}
    outputs = []
    for each in outcome["outputs"]:
        split = {**each["split"], "column": names.get(str(each["split"]["column"]))}
        if split["by"] == "MARKED":
            split |= {"by": machine.split.value, "column": machine.split_column}
        outputs.append({**each, "split": split})
    return {**outcome, "outputs": outputs}


def _make_current(machine: Machine, version: NNModel) -> None:
    machine.training_nn_model_id = version.id
    machine.enc_dec_configuration_id = version.enc_dec_configuration_id


def _encoders_of(learned: LearnedMachine) -> dict[str, Any]:
    """The encoders of inputs, and what outputs become, by the names of columns."""
    inputs = {
        each["name"]: {"is_input": True, "is_output": False, "column_datatype_name": each["datatype"], "encoder": each}
        for each in learned.header["encoders"]["encoders"]
    }
    outputs = {
        head["name"]: {
            "is_input": False,
            "is_output": True,
            "column_datatype_name": head["datatype"],
            "encoder": {"classes": list(head["classes"]), "low": head["low"], "high": head["high"]},
        }
        for head in learned.header["heads"]
    }
    return {"format_version": learned.header["encoders"]["format_version"], "columns": {**inputs, **outputs}}


def _shape_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """What answers for each output, and how much each part counts."""
    return {
        head["name"]: [
            {"kind": part["kind"], "weight": part["weight"], "activations": part["facts"].get("activations")}
            for part in head["candidates"]
        ]
        for head in header["heads"]
    }


def _describe(machine: Machine, outcome: Outcome, hardware: str) -> None:
    """Writes what a training found out into the fields of its machine."""
    outputs: Sequence[Outcome] = outcome["outputs"]
    lines = max((each["split"]["learningRows"] for each in outputs), default=0)
    rows = max((each["split"]["learningRows"] + each["split"]["evaluationRows"] for each in outputs), default=0)
    width_in, width_out = outcome["encodedInputs"], outcome["encodedOutputs"]
    machine.enc_dec_columns_info_input_encode_count = width_in
    machine.enc_dec_columns_info_output_encode_count = width_out
    machine.training_training_total_delay_sec = Decimal(str(outcome["tookS"]))
    cells = max(rows * (width_in + width_out), 1)
    machine.training_training_cell_delay_sec = Decimal(f"{outcome['tookS'] / cells:.10f}")
    machine.training_date_time_machine_model = func.now()
    machine.training_total_training_line_count = lines
    machine.training_type_machine_hardware = hardware[:NOTE_LENGTH_MAX]
    board = [line for each in outputs for line in each["leaderboard"]]
    networks = [line for line in board if line["kind"] == "network"]
    machine.training_training_epoch_count = max((line["facts"].get("epochs", 0) for line in networks), default=0)
    batches = [line["facts"]["batch"] for line in networks if "batch" in line["facts"]]
    machine.training_training_batch_size = max(batches, default=None)
    machine.parameter_nn_find_delay_sec = round(sum(line["fitS"] for line in networks))
    _describe_features(machine, outcome)
    _describe_samples(machine, outputs)


def _describe_features(machine: Machine, outcome: Outcome) -> None:
    outputs: Sequence[Outcome] = outcome["outputs"]
    shares: dict[str, list[float]] = {}
    for each in outputs:
        for one in each["importance"]:
            shares.setdefault(one["name"], []).append(one["share"])
    if shares:
        machine.fe_columns_inputs_importance_evaluation = {name: fmean(some) for name, some in shares.items()}
    machine.fe_columns_fet = {each["name"]: each["encoders"] for each in outcome["inputs"]}
    counts: dict[str, int] = {}
    for each in outcome["inputs"]:
        for encoder in each["encoders"]:
            counts[encoder] = counts.get(encoder, 0) + 1
    machine.fe_count_of_fet = counts
    machine.fe_budget_total = Decimal(outcome["encodedInputs"])
    machine.fe_find_delay_sec = round(outcome["delays"]["encodersS"])
    machine.fe_columns_inputs_importance_find_delay_sec = round(outcome["delays"]["importanceS"])
    loud = [each["message"] for each in outcome["suggestions"] if each["isLoud"]]
    noted = "\n\n".join([*loud, *outcome["warnings"]])[:WARNING_LENGTH_MAX]
    machine.machine_columns_warnings = {"*": noted} if noted else {}


def _describe_samples(machine: Machine, outputs: Sequence[Outcome]) -> None:
    """The eight figures of the former platform: losses on one scale, and accuracies."""
    judged = {each["name"]: each["samples"] for each in outputs if each["samples"] is not None}
    sides = {"learning": "training", "evaluation": "evaluation"}
    for what in ("loss", "accuracy"):
        for side, name in sides.items():
            for suffix, noise in (("", ""), ("Noise", "_noise")):
                some = [samples[what][side + suffix] for samples in judged.values()]
                value = Decimal(f"{fmean(some):.10f}") if some else None
                setattr(machine, f"training_eval_{what}_sample_{name}{noise}", value)
        columns = {name: samples[what]["evaluation"] for name, samples in judged.items()}
        setattr(machine, f"training_eval_outputs_cols_{what}_sample_evaluation", columns or None)
    scalers = [samples["scaler"] for samples in judged.values()]
    machine.parameter_nn_loss_scaler = Decimal(f"{min(fmean(scalers), 1e12):.10f}") if scalers else None


async def mark_lines(session: WriteSession, plan: TrainingPlan, outcome: Outcome) -> None:
    """Marks the lines that the new version has learned from; a refitted one has learned from all."""
    await session.get_one(Machine, plan.machine_id, with_for_update={"key_share": True})
    await lock(session, table_name(plan.machine_id))
    is_refitted = any(each["isRefitted"] for each in outcome["outputs"])
    is_marked = all(each["split"]["isMarked"] for each in outcome["outputs"])
    taught = MachineLine.has_outputs & or_(MachineLine.is_for_learning, MachineLine.is_for_evaluation)
    if is_marked and not is_refitted:
        taught = MachineLine.has_outputs & MachineLine.is_for_learning
    taught &= MachineLine.id <= plan.last_line_id
    own = MachineLine.machine_id == plan.machine_id, MachineLine.is_learned.is_distinct_from(taught)
    await session.execute(update(MachineLine).where(*own).values(is_learned=taught))


async def finish_training(session: WriteSession, work_id: int, plan: TrainingPlan, learned: LearnedMachine) -> None:
    """Keeps the version, says how good it is, and ends the work."""
    version = await keep_version(session, work_id, plan, learned)
    added = DataLinesOperation.machine_id == plan.machine_id, DataLinesOperation.is_added_for_learning
    began = select(Work.work_started_at_date_time).where(Work.id == work_id).scalar_subquery()
    await session.execute(delete(DataLinesOperation).where(*added, DataLinesOperation.updated_at <= began))
    machine = await session.get_one(Machine, plan.machine_id)
    is_cancelled = learned.outcome["stopped"] == "CANCELLED"
    status = WorkStatus.CANCELLED if is_cancelled else WorkStatus.FINISHED
    how = "was stopped; the best so far is kept" if is_cancelled else "has finished"
    how = f"{how} as version {version.version}. {_sentence(learned.outcome)}"
    figures = {"stopped": learned.outcome["stopped"], "tookS": learned.outcome["tookS"], "version": version.version}
    await works.end(session, work_id, status, how, nn_model_id=version.id, figures=figures)
    await works.log(session, machine, how, is_success=True)


def _sentence(outcome: Outcome) -> str:
    """How good it is, and loudly, if the figures may lie."""
    figures = []
    for each in outcome["outputs"]:
        value = each["figures"].get(each["metric"])
        if value is not None:
            figures.append(f"{each['name'][:40]}: {each['metric']} {value:.4g}")
    loud = [each["message"] for each in outcome["suggestions"] if each["isLoud"]]
    return " ".join([f"{', '.join(figures)}." if figures else "", *loud])


async def set_current_version(
    session: WriteSession, viewer: Viewer, version_id: int, header: Mapping[str, Any]
) -> Machine:
    """Lets another version answer; refused if its file and its encoders do not belong together."""
    version = await version_seen(session, viewer, version_id)
    machine = await machine_to_change(session, viewer, version.machine_id)
    encoders = await session.get(EncDecConfiguration, version.enc_dec_configuration_id or 0)
    if encoders is None or encoders.sha256 != header["encoders_sha256"]:
        raise Conflict("The weights of this version belong to other encoders. Train the machine again.")
    _make_current(machine, version)
    if version.figures is not None:
        _describe(machine, version.figures, version.hardware or "")
        machine.training_date_time_machine_model = version.created_at
    audit.record(session, signed_in(viewer), "setCurrentVersion", about=machine, version=version.version)
    await session.refresh(machine)
    return machine


async def version_seen(session: ReadSession, viewer: Viewer, version_id: int) -> NNModel:
    """A version that the viewer sees."""
    version = await session.scalar(visible(NNModel, viewer).where(NNModel.id == version_id))
    if version is None:
        raise NotFound("There is no such version.")
    return version


async def header_of_version(version: NNModel) -> dict[str, Any]:
    """The header of a version's file; Conflict unless it is as it was stored."""
    data = await storage.get(version.storage_key)
    if await in_thread(lambda: hashlib.sha256(data).hexdigest()) != version.sha256:
        raise Conflict("The file of this version was changed. Train the machine again.")
    try:
        return await in_thread(checked_header, data)
    except UnreadableMachine as unreadable:
        raise Conflict(str(unreadable)) from None


@dataclass(frozen=True)
class OutputComparison:
    """How good two versions are at one output."""

    output: str
    metric: TargetMetric
    one_score: float | None
    other_score: float | None
    is_other_better: bool | None


@dataclass(frozen=True)
class VersionComparison:
    """Two versions of a machine's model, side by side."""

    one: NNModel
    other: NNModel
    is_comparable: bool
    outputs: list[OutputComparison]


async def compare_versions(session: ReadSession, viewer: Viewer, one_id: int, other_id: int) -> VersionComparison:
    """Two versions of one machine by their figures."""
    one, other = await version_seen(session, viewer, one_id), await version_seen(session, viewer, other_id)
    if one.machine_id != other.machine_id:
        raise Invalid("other", "These are versions of two machines. Compare two of the same.")
    boards = [{each["name"]: each for each in (row.figures or {}).get("outputs", [])} for row in (one, other)]
    shared = [(boards[0][name], boards[1][name]) for name in boards[0] if name in boards[1]]
    return VersionComparison(
        one,
        other,
        is_comparable=bool(shared) and all(first["split"] == second["split"] for first, second in shared),
        outputs=[_compared(first, second) for first, second in shared],
    )


def _compared(first: Outcome, second: Outcome) -> OutputComparison:
    metric = first["metric"]
    one, other = (each["figures"].get(metric) for each in (first, second))
    is_other_better = None if one is None or other is None else is_better(metric, other, one)
    return OutputComparison(first["name"], METRIC_OF[metric], one, other, is_other_better)
