"""The two calls of the former platform's client: asking a machine by its name, and saving lines into one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import orjson

from app import parsing
from app.database import Database, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.formats.tables import reading
from app.gateways import storage
from app.limits import automl as limits
from app.models.automl.machines import Machine
from app.models.automl.readings import TableReading
from app.policies import Viewer, signed_in, visible
from app.policies.automl.machines import is_used_by
from app.services.automl import readings, trainings
from app.services.automl.answering import asking, paying
from app.services.automl.machines import lines, making
from app.services.automl.machines.columns import ColumnOverride
from app.services.automl.machines.making import Draft
from app.services.system.files import uploads
from app.settings import settings
from app.tabular.datatypes import Role
from app.telemetry.metering import in_thread

FORBIDDEN = ("__", "\\", "/", '"', "'", "$", "*", "%", "&", "#", "<", ">", "--")


class WrongName(Invalid):
    """A name that no machine has there."""


class NotMade(Conflict):
    """A machine that could not be made."""


def checked_name(name: Any) -> str:
    """The name of a machine, as the client may give it; WrongName for any other."""
    if not isinstance(name, str) or not name.strip() or len(name) > limits.MACHINE_NAME_LENGTH_MAX:
        raise WrongName("machine_name", "Give the name of a machine.")
    if any(each in name for each in FORBIDDEN):
        raise WrongName("machine_name", f"The name of a machine may have none of {' '.join(FORBIDDEN)} here.")
    return name.strip()


async def predict(database: Database, viewer: Viewer, name: Any, rows: Any) -> list[dict[str, Any]] | None:
    """The outputs for rows, in their order; None if no machine of this name answers yet."""
    name = checked_name(name)
    if not isinstance(rows, list):
        raise Invalid("data", "Give a list of objects with a value for each input.")
    async with database.reading() as session:
        machine_id = await asking.machine_named(session, viewer, name)
    if machine_id is None:
        return None
    try:
        asked = await asking.asked(database, viewer, machine_id)
    except asking.NotTrained:
        return None
    if asked.version.price_usd:
        # Names are not unique, and this call has neither a price that is expected nor a key.
        raise Conflict("Answers of this machine are for sale. Ask it with the mutation `solve`, which takes its id.")
    purpose = asking.purpose_of(asked, viewer, lines=len(rows))
    await paying.require(database, viewer, asked.version, purpose, None)
    solved = await asking.solve(asked, rows, field="data")
    if paying.is_recorded(asked.version, purpose):
        async with database.writing() as session:
            await paying.pay(session, viewer, asked.version, purpose)
    return [each.outputs for each in solved]


async def save_lines(database: Database, viewer: Viewer, body: Mapping[str, Any]) -> int:
    """Adds lines to the viewer's machine of this name, which is made if it is not there; how many lines."""
    name = checked_name(body.get("machine_name"))
    rows = _rows(body.get("user_experiences"))
    if not 1 <= len(rows) <= settings.machine_lines_at_once_max:
        most = settings.machine_lines_at_once_max
        raise Invalid("user_experiences", f"Give 1 to {most:,} lines at once; these are {len(rows):,}.")
    async with database.writing() as session:
        own = visible(Machine, viewer).where(is_used_by(viewer), Machine.machine_name == name)
        machine = (await session.scalars(own.order_by(Machine.id.desc()).limit(1))).one_or_none()
        if machine is not None:
            await lines.append_lines(session, viewer, machine.id, rows=rows, purpose=None)
            await trainings.train_first(session, viewer, machine.id)
    if machine is None:
        await _make(database, viewer, name, rows, body)
    return len(rows)


def _rows(columns: Any) -> list[dict[str, Any]]:
    """Lines from columns of values by index, as a data frame writes itself."""
    if not isinstance(columns, Mapping) or not all(isinstance(each, Mapping) for each in columns.values()):
        raise Invalid("user_experiences", "Give an object with an object of values by index for each column.")
    indexes = dict.fromkeys(index for values in columns.values() for index in values)
    return [{name: values.get(index) for name, values in columns.items()} for index in indexes]


async def _make(
    database: Database, viewer: Viewer, name: str, rows: Sequence[dict[str, Any]], body: Mapping[str, Any]
) -> None:
    """Makes a machine of lines, as of a file with them."""
    inputs, outputs = _names(body, "input_columns"), _names(body, "output_columns")
    level = body.get("machine_level", 1)
    if not isinstance(level, int) or isinstance(level, bool):
        raise NotMade("The level must be a number from 1 to 5.")
    key, content = f"{uploads.FOLDER}/{uuid4().hex}", b"\n".join(orjson.dumps(row) for row in rows)
    await storage.put(key, content)
    try:
        report = await _read(content, outputs)
        overrides = [
            ColumnOverride(each["name"], role=_role(each["name"], inputs, outputs)) for each in report["columns"]
        ]
        async with database.writing() as session:
            reading_id = await _keep(session, viewer, key, report)
            roles = [each for each in overrides if each.role is not None]
            draft = making.checked(viewer, Draft(name, level=level, overrides=roles, is_trained=True))
            await making.create_machine(session, viewer, draft, reading_id=reading_id)
    except (Invalid, NotFound) as error:
        await storage.delete(key)
        raise NotMade(error.message) from None


async def _read(content: bytes, outputs: Sequence[str]) -> dict[str, Any]:
    """How the lines are read, in a parsing child."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lines"
        await in_thread(path.write_bytes, content)
        report: dict[str, Any] = await parsing.run(
            reading.read, str(path), {"outputs": list(outputs)}, field="user_experiences"
        )
    return report


async def _keep(session: WriteSession, viewer: Viewer, key: str, report: dict[str, Any]) -> int:
    """The reading, as if its file had been uploaded."""
    row = TableReading(user_id=signed_in(viewer), storage_key=key, options={})
    session.add(row)
    await session.flush()
    await readings.finish(session, row.id, report)
    return row.id


def _names(body: Mapping[str, Any], name: str) -> list[str]:
    names = body.get(name) or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise NotMade(f"`{name}` must be a list of the names of columns.")
    return names


def _role(name: str, inputs: Sequence[str], outputs: Sequence[str]) -> Role | None:
    """What a column is for, where lists say it."""
    if name in outputs:
        return Role.OUTPUT
    if name in inputs:
        return Role.INPUT
    return Role.IGNORE if inputs and outputs else None
