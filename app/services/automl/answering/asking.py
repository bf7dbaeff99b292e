"""Asking a machine: who may, what is refused, and the work, which is done beside the event loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Row, and_, bindparam

from app.database import Database, ReadSession
from app.errors import Conflict, Invalid, NotFound, quoted
from app.formats.tables.answering import Answerer, SolvedRow
from app.formats.tables.sources.records import flattened
from app.models.accounts import User
from app.models.automl.machines import Machine
from app.models.automl.market import Listing, ListingKind
from app.models.automl.models import NNModel
from app.policies import SQLId, SQLViewer, Viewer, signed_in, visible
from app.policies.automl.answers import may_be_asked_by
from app.policies.automl.machines import is_used_by, sees_inside
from app.services.automl.answering import memory, paying
from app.services.automl.answering.memory import Version
from app.services.automl.machines.loading import columns_in_order
from app.services.automl.market.calling import CallEstimate
from app.services.billing.amounts import ZERO
from app.services.billing.reservations import Purpose
from app.settings import settings
from app.tabular.datatypes import Role
from app.telemetry.metering import in_thread

NOT_OFFERED = "Answers of this machine are not offered at the moment. Ask its owner."
NOT_TRAINED = "This machine has not been trained. Train it first with `trainMachine`."


class NotTrained(Conflict):
    """A machine that has no model yet."""


@dataclass(frozen=True)
class Asked:
    """A machine in memory that a viewer may ask, and the version that answers."""

    machine_id: int
    version: Version
    answerer: Answerer


async def machine_to_ask(session: ReadSession, viewer: Viewer, machine_id: int, *, is_inside: bool = False) -> Version:
    """The version that answers; NotFound for who may not ask, or not see inside, and Conflict if it is not trained."""
    signed_in(viewer)
    sought = _sought(is_staff=viewer.is_staff, is_inside=is_inside)
    row = (await session.execute(sought, {"viewer": viewer.user_id, "machine": machine_id})).one_or_none()
    return _version(viewer, row)


async def machine_named(session: ReadSession, viewer: Viewer, name: str) -> int | None:
    """The newest machine with this name that the viewer uses, or else that everybody may ask."""
    signed_in(viewer)
    is_own = sees_inside(viewer)
    named = visible(Machine, viewer).with_only_columns(Machine.id).where(Machine.machine_name == name)
    newest = named.where(may_be_asked_by(viewer)).order_by(is_own.desc(), Machine.id.desc()).limit(1)
    return (await session.scalars(newest)).one_or_none()


@cache
def _sought(*, is_staff: bool, is_inside: bool) -> Any:
    """The statement, built once: building it takes longer than an answer."""
    viewer = SQLViewer(SQLId(bindparam("viewer", type_=BigInteger)), is_staff=is_staff)
    version = (NNModel.version, NNModel.storage_key, NNModel.sha256, NNModel.size_bytes)
    is_listed = Listing.machine_id == Machine.id, Listing.kind == ListingKind.API_SOLVING, Listing.is_open
    query = (
        visible(Machine, viewer)
        .outerjoin(NNModel, NNModel.id == Machine.training_nn_model_id)
        .outerjoin(Listing, and_(*is_listed))
        .join(User, User.id == Machine.machine_owner_user_id)
    )
    shown: Any = query.with_only_columns(
        Machine.id,
        Machine.machine_level.label("level"),
        Machine.machine_owner_user_id.label("owner_id"),
        Machine.machine_api_solving_price_usd.label("asked_price"),
        (User.is_active & User.anonymised_at.is_(None)).label("sells"),
        Listing.id.label("listing_id"),
        Listing.price_usd,
        is_used_by(viewer).label("is_used"),
        *version,
    )
    return shown.where(
        Machine.id == bindparam("machine"), sees_inside(viewer) if is_inside else may_be_asked_by(viewer)
    )


def _version(viewer: Viewer, row: Row[Any] | None) -> Version:
    if row is None:
        raise NotFound("There is no such machine that you may ask.")
    is_priced = bool(row.asked_price) and row.listing_id is None
    if (is_priced or not row.sells) and not (row.is_used or viewer.is_staff):
        raise Conflict(NOT_OFFERED)
    if row.sha256 is None:
        raise NotTrained(NOT_TRAINED)
    is_sold = row.listing_id is not None and not row.is_used
    return Version(
        row.id,
        row.version,
        row.storage_key,
        row.sha256,
        row.size_bytes,
        row.level,
        row.owner_id,
        row.is_used,
        row.listing_id if is_sold else None,
        row.price_usd if is_sold else ZERO,
    )


async def asked(database: Database, viewer: Viewer, machine_id: int, *, is_inside: bool = False) -> Asked:
    """A machine in memory, if the viewer may ask it."""
    async with database.reading() as session:
        version = await machine_to_ask(session, viewer, machine_id, is_inside=is_inside)
    return Asked(machine_id, version, await memory.answerer(database, version))


async def solve(asked: Asked, rows: Sequence[Any], *, field: str = "rows") -> list[SolvedRow]:
    """An answer for each row, in their order."""
    plain = plain_rows(field, rows, asked.answerer, rows_max=settings.solve_rows_max)
    return await in_thread(asked.answerer.solve, plain)


def purpose_of(asked: Asked, viewer: Viewer, *, lines: int) -> Purpose:
    """What answers for so many rows are paid for."""
    columns = len(asked.answerer.inputs) + len(asked.answerer.outputs)
    return paying.purpose_of(viewer, asked.version, lines=lines, columns=columns)


async def estimate(database: Database, viewer: Viewer, machine_id: int, *, lines: int) -> CallEstimate:
    """What answers for so many lines would cost the viewer."""
    async with database.reading() as session:
        version = await machine_to_ask(session, viewer, machine_id)
        columns = sum(each.role is not Role.IGNORE for each in await columns_in_order(session, machine_id))
        purpose = paying.purpose_of(viewer, version, lines=lines, columns=columns)
        return await paying.estimate(session, viewer, version, purpose)


def plain_rows(field: str, rows: Sequence[Any], answerer: Answerer, *, rows_max: int) -> list[Mapping[str, Any]]:
    """Rows by the names of columns; Invalid unless there are some, not too many, each an object that names columns."""
    if not 1 <= len(rows) <= rows_max:
        raise Invalid(field, f"Give 1 to {rows_max:,} rows; these are {len(rows):,}. Upload a file for more.")
    known = answerer.readers.keys()
    return [plain_row(f"{field}.{number}", row, known) for number, row in enumerate(rows)]


def plain_row(field: str, row: Any, known: Any) -> Mapping[str, Any]:
    """A row by the names of columns, without nested objects; Invalid unless it is an object that names columns."""
    if not isinstance(row, Mapping):
        raise Invalid(field, "Give an object with a value for each input.")
    if row.keys() <= known:
        return row
    flat = flattened(row, known)
    if not flat.keys() <= known:
        name = next(name for name in flat if name not in known)
        raise Invalid(field, f"This machine has no column {quoted(name)}. Name columns as the machine does.")
    return flat
