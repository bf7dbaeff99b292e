"""Machines, as their owners, teams and everybody else see them."""

from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import Select

from app import checks
from app.limits.automl import MACHINE_NAME_LENGTH_MAX
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.models.automl.works import Server, Work
from app.pagination import Order
from app.policies import visible
from app.policies.automl.machines import is_used_by
from app.services.automl.servers import is_alive
from app.tabular.datatypes import ColumnIssue, Datatype, DateOrder, DecimalSign, Role
from resolvers import ids
from resolvers.automl.columns import listed
from resolvers.automl.line_filters import LineFilterInput, conditions
from resolvers.automl.readings import ColumnWarning
from resolvers.context import Info
from resolvers.loaders import RowOrReference


class MachineOrder(Order):
    """By age or by name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("machine_name", False)


@dataclass(frozen=True)
class FormerMachine:
    """A machine that was deleted."""

    machine_id: strawberry.ID


@dataclass(frozen=True)
class ValueCount:
    """How often a value occurs."""

    value: str
    count: int


@dataclass(frozen=True)
class NamedShare:
    """What share something has."""

    name: str
    share: float


@dataclass(frozen=True)
class ColumnHistogram:
    """How often values lie between edges at even distances."""

    edges: list[float]
    counts: list[int]


@dataclass(frozen=True)
class ColumnProfile:
    """What the values of a column look like: dates as seconds since 1970, times since midnight, texts by length."""

    missing_percentage: float
    unique_values_count: int
    most_frequent_values_count: int | None
    min: float | None
    max: float | None
    mean: float | None
    median: float | None
    mode: float | None
    std_dev: float | None
    sem: float | None
    skewness: float | None
    kurtosis: float | None
    quantile02: float | None
    quantile03: float | None
    quantile07: float | None
    quantile08: float | None
    histogram: ColumnHistogram | None
    top_values: list[ValueCount]
    text_shares: list[NamedShare]
    language_shares: list[NamedShare]

    @classmethod
    def of(cls, profile: dict[str, Any]) -> "ColumnProfile":
        """As it is stored."""
        names = ("min", "max", "mean", "median", "mode", "sem", "skewness", "kurtosis")
        quantiles = ("quantile02", "quantile03", "quantile07", "quantile08")
        histogram = profile.get("histogram")
        return cls(
            missing_percentage=profile["missing_percentage"],
            unique_values_count=profile["distinct"],
            most_frequent_values_count=profile["frequent"],
            std_dev=profile.get("std"),
            histogram=histogram and ColumnHistogram(histogram["edges"], histogram["counts"]),
            top_values=[ValueCount(_as_text(value), count) for value, count in profile["top"]],
            text_shares=_shares(profile.get("text", {})),
            language_shares=_shares(profile.get("languages", {})),
            **{name: profile.get(name) for name in (*names, *quantiles)},
        )


@dataclass(frozen=True)
class MachineColumn:
    """A column of a machine: how its values are read, what it is for, and what they look like."""

    name: str
    position: int
    datatype: Datatype
    role: Role
    reason: str
    decimal_sign: DecimalSign | None
    date_order: DateOrder | None
    description: str | None
    examples: list[str]
    warnings: list[ColumnWarning]
    profile: ColumnProfile | None


def _as_text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float | int) else str(value)


def _shares(shares: dict[str, float]) -> list[NamedShare]:
    return [NamedShare(name, share) for name, share in shares.items()]


async def machine(info: Info, id: strawberry.ID) -> RowOrReference[Machine]:
    """A machine by its id: the viewer's own, their team's, or one that is public.

    id: The id of the machine.
    """
    return await info.context.find(Machine, id)


def machines(
    info: Info,
    mine_only: bool = False,
    level: int | None = None,
    search: str | None = None,
) -> Select[Machine]:
    """Machines that the viewer or their team owns, and those that are public.

    mine_only: Only machines that the viewer or one of their teams owns.
    level: Only machines of this level.
    search: Only machines whose name contains this text, ignoring case.
    """
    viewer = info.context.viewer
    query = visible(Machine, viewer)
    if mine_only:
        query = query.where(is_used_by(viewer))
    if level is not None:
        query = query.where(Machine.machine_level == level)
    sought = checks.optional_text("search", search, length_max=MACHINE_NAME_LENGTH_MAX)
    return query if sought is None else query.where(Machine.machine_name.icontains(sought, autoescape=True))


async def columns(root: strawberry.Parent[Machine], info: Info) -> list[MachineColumn]:
    """The columns in their order. What their values look like is only for those who see the lines."""
    return [column_of(each) for each in await info.context.load.prefetched(root, listed)]


def column_of(row: dict[str, Any]) -> MachineColumn:
    """As it is stored."""
    notes, profile = row["notes"] or {}, row["profile"] or {}
    return MachineColumn(
        name=row["name"],
        position=row["position"],
        datatype=Datatype(row["datatype"]),
        role=Role(row["role"]),
        reason=row["reason"],
        decimal_sign={None: None, ".": DecimalSign.POINT, ",": DecimalSign.COMMA}[row["decimal"]],
        date_order=None if row["date_order"] is None else DateOrder(row["date_order"]),
        description=row["description"],
        examples=notes.get("examples", []),
        warnings=[ColumnWarning(ColumnIssue(issue), message) for issue, message in notes.get("issues", [])],
        profile=ColumnProfile.of(profile) if profile else None,
    )


def _lines(
    info: Info,
    machine_id: strawberry.ID,
    is_for_learning: bool | None,
    is_for_evaluation: bool | None,
    is_for_solving: bool | None,
    is_learned: bool | None,
    is_solved: bool | None,
    filters: list[LineFilterInput] | None,
) -> Select[MachineLine]:
    wanted = {
        MachineLine.is_for_learning: is_for_learning,
        MachineLine.is_for_evaluation: is_for_evaluation,
        MachineLine.is_for_solving: is_for_solving,
        MachineLine.is_learned: is_learned,
        MachineLine.is_solved: is_solved,
    }
    key = ids.key(machine_id, Machine)
    query = visible(MachineLine, info.context.viewer).where(MachineLine.machine_id == key, *conditions(key, filters))
    return query.where(*(flag.is_(value) for flag, value in wanted.items() if value is not None))


def data_input_lines(
    info: Info,
    machine_id: strawberry.ID,
    is_for_learning: bool | None = None,
    is_for_evaluation: bool | None = None,
    is_for_solving: bool | None = None,
    is_learned: bool | None = None,
    is_solved: bool | None = None,
    filters: list[LineFilterInput] | None = None,
) -> Select[MachineLine]:
    """All lines of a machine.

    machine_id: The machine.
    is_for_learning: Only lines that are, or are not, to learn from.
    is_for_evaluation: Only lines that are, or are not, to evaluate on.
    is_for_solving: Only lines that are, or are not, to be solved.
    is_learned: Only lines that the present model has, or has not, learned from.
    is_solved: Only lines whose outputs are, or are not, an answer of the machine.
    filters: Only lines with such values, at most {automl.LINE_FILTERS_MAX}; all must hold.
    """
    return _lines(info, machine_id, is_for_learning, is_for_evaluation, is_for_solving, is_learned, is_solved, filters)


def data_output_lines(
    info: Info,
    machine_id: strawberry.ID,
    is_for_learning: bool | None = None,
    is_for_evaluation: bool | None = None,
    is_for_solving: bool | None = None,
    is_learned: bool | None = None,
    is_solved: bool | None = None,
    filters: list[LineFilterInput] | None = None,
) -> Select[MachineLine]:
    """The lines of a machine that have outputs.

    machine_id: The machine.
    is_for_learning: Only lines that are, or are not, to learn from.
    is_for_evaluation: Only lines that are, or are not, to evaluate on.
    is_for_solving: Only lines that are, or are not, to be solved.
    is_learned: Only lines that the present model has, or has not, learned from.
    is_solved: Only lines whose outputs are, or are not, an answer of the machine.
    filters: Only lines with such values, at most {automl.LINE_FILTERS_MAX}; all must hold.
    """
    query = _lines(info, machine_id, is_for_learning, is_for_evaluation, is_for_solving, is_learned, is_solved, filters)
    return query.where(MachineLine.has_outputs)


async def work(info: Info, id: strawberry.ID) -> RowOrReference[Work]:
    """Work on a machine by its id.

    id: The id of the work.
    """
    return await info.context.find(Work, id)


async def nn_model(info: Info, id: strawberry.ID) -> RowOrReference[NNModel]:
    """A version of a machine's model by its id.

    id: The id of the version.
    """
    return await info.context.find(NNModel, id)


def servers(info: Info) -> Select[Server]:
    """The workers that train and solve, and are alive. For staff."""
    return visible(Server, info.context.viewer).where(is_alive())


def server_gpu_ram(root: strawberry.Parent[Server]) -> list[float]:
    """The memory of each GPU in bytes."""
    return [float(each) for each in root.server_gpu_ram]
