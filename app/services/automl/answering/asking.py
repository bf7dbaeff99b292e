"""Asking a machine: who may, what is refused, and the work, which is done beside the event loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from app.database import Database, ReadSession
from app.errors import Conflict, Invalid, NotFound, quoted
from app.formats.tables.answering import Answerer, SolvedRow
from app.metering import in_thread
from app.models.automl.machines import Machine
from app.models.automl.models import NNModel
from app.policies import Viewer, signed_in, visible
from app.policies.automl.answers import may_be_asked_by
from app.policies.automl.machines import sees_inside
from app.services.automl.answering import memory
from app.services.automl.answering.memory import Version
from app.settings import settings

FOR_SALE = "Answers of this machine are for sale, which is not possible yet. Ask its owner."
NOT_TRAINED = "This machine has not been trained. Train it first with `trainMachine`."


@dataclass(frozen=True)
class Asked:
    """A machine in memory that a viewer may ask, and the version that answers."""

    machine_id: int
    version: Version
    answerer: Answerer


async def machine_to_ask(session: ReadSession, viewer: Viewer, machine_id: int, *, is_inside: bool = False) -> Version:
    """The version that answers; NotFound for who may not ask, or not see inside, and Conflict if it is not trained."""
    signed_in(viewer)
    row = (await session.execute(_sought(viewer, is_inside=is_inside).where(Machine.id == machine_id))).one_or_none()
    return _version(row)


async def machine_named(session: ReadSession, viewer: Viewer, name: str) -> int | None:
    """The newest machine with this name that the viewer uses, or else that everybody may ask."""
    signed_in(viewer)
    is_own = sees_inside(viewer)
    named = visible(Machine, viewer).with_only_columns(Machine.id).where(Machine.machine_name == name)
    newest = named.where(may_be_asked_by(viewer)).order_by(is_own.desc(), Machine.id.desc()).limit(1)
    return (await session.scalars(newest)).one_or_none()


def _sought(viewer: Viewer, *, is_inside: bool) -> Any:
    is_used = sees_inside(viewer)
    version = (NNModel.version, NNModel.storage_key, NNModel.sha256, NNModel.size_bytes)
    query = visible(Machine, viewer).outerjoin(NNModel, NNModel.id == Machine.training_nn_model_id)
    shown: Any = query.with_only_columns(
        Machine.id, Machine.machine_api_solving_price_usd.label("price"), is_used.label("is_used"), *version
    )
    return shown.where(is_used if is_inside else may_be_asked_by(viewer))


def _version(row: Row[Any] | None) -> Version:
    if row is None:
        raise NotFound("There is no such machine that you may ask.")
    if row.price and not row.is_used:
        raise Conflict(FOR_SALE)
    if row.sha256 is None:
        raise Conflict(NOT_TRAINED)
    return Version(row.id, row.version, row.storage_key, row.sha256, row.size_bytes)


async def asked(database: Database, viewer: Viewer, machine_id: int, *, is_inside: bool = False) -> Asked:
    """A machine in memory, if the viewer may ask it."""
    async with database.reading() as session:
        version = await machine_to_ask(session, viewer, machine_id, is_inside=is_inside)
    return Asked(machine_id, version, await memory.answerer(database, version))


async def solve(asked: Asked, rows: Sequence[Any]) -> list[SolvedRow]:
    """An answer for each row, in their order."""
    check_rows("rows", rows, asked.answerer, rows_max=settings.solve_rows_max)
    return await in_thread(asked.answerer.solve, rows)


def check_rows(field: str, rows: Sequence[Any], answerer: Answerer, *, rows_max: int) -> None:
    """Invalid unless there are rows, not too many, each an object that names columns of the machine."""
    if not 1 <= len(rows) <= rows_max:
        raise Invalid(field, f"Give 1 to {rows_max:,} rows; these are {len(rows):,}. Upload a file for more.")
    known = answerer.readers.keys()
    for number, row in enumerate(rows):
        check_row(f"{field}.{number}", row, known)


def check_row(field: str, row: Any, known: Any) -> None:
    """Invalid unless a row is an object that names columns of the machine."""
    if not isinstance(row, Mapping):
        raise Invalid(field, "Give an object with a value for each input.")
    if not row.keys() <= known:
        name = next(name for name in row if name not in known)
        raise Invalid(field, f"This machine has no column {quoted(name)}. Name columns as the machine does.")
