"""How far new lines, or a table, lie from the lines of a machine; and the flags of columns that moved."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from app import parsing
from app.database import Database, ReadSession, WriteSession
from app.formats.tables import drifts
from app.gateways import storage
from app.models.automl.machines import Machine
from app.policies import Viewer, visible
from app.policies.automl.machines import sees_inside
from app.services.automl.machines.columns import written
from app.services.automl.machines.loading import columns_in_order
from app.services.automl.samples import sample
from app.settings import settings
from app.tabular.choices import LinePurpose
from app.telemetry.metering import in_thread

# With fewer new lines chance moves more than the world.
FLAGGED_LINES_MIN = 50
FLAG = "New lines differ from those that were learned from"
NEW = "NOT is_learned AND NOT is_for_evaluation"
KNOWN = {
    LinePurpose.LEARNING: "is_for_learning AND (is_learned OR NOT :is_trained)",
    LinePurpose.EVALUATION: "is_for_evaluation",
    LinePurpose.SOLVING: "is_for_solving",
}
Lines = Sequence[Sequence[Any]]


async def drift(
    database: Database, viewer: Viewer, machine_id: int, *, before: LinePurpose, upload_key: str | None
) -> list[dict[str, Any]] | None:
    """By column; of a table that was uploaded, or of the new lines. None for who does not see inside."""
    async with database.reading() as session:
        seen = visible(Machine, viewer).where(Machine.id == machine_id, sees_inside(viewer))
        machine = await session.scalar(seen)
        if machine is None:
            return None
        columns = [written(each) for each in await columns_in_order(session, machine_id)]
        known = await sample(session, machine, KNOWN[before])
        new = await sample(session, machine, NEW) if upload_key is None else []
        options = {name: machine.table_options.get(name) for name in ("header", "description_row")}
    if upload_key is None:
        return await in_thread(drifts.between, columns, known, new) if new else []
    return await _of_upload(upload_key, options, columns, known)


async def _of_upload(
    key: str, options: dict[str, Any], columns: list[dict[str, Any]], known: Lines
) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        table, before = Path(folder) / "table", Path(folder) / "before"
        await storage.download(key, table)
        await in_thread(before.write_bytes, orjson.dumps(known))
        arguments = (str(table), options, columns, str(before))
        compared: list[dict[str, Any]] = await parsing.run(
            drifts.of_table, *arguments, cpu_s_max=settings.request_s_max / 2, field="upload"
        )
    return compared


async def of_new_lines(session: ReadSession, machine_id: int) -> tuple[list[dict[str, Any]], Lines, Lines] | None:
    """What a job compares: the columns, the lines that were learned from, and new ones if there are enough."""
    machine = await session.get_one(Machine, machine_id)
    if machine.training_nn_model_id is None:
        return None
    new = await sample(session, machine, NEW)
    if len(new) < FLAGGED_LINES_MIN:
        return None
    columns = [written(each) for each in await columns_in_order(session, machine_id)]
    return columns, await sample(session, machine, KNOWN[LinePurpose.LEARNING]), new


async def flag(session: WriteSession, machine_id: int, drifted: Sequence[dict[str, Any]]) -> None:
    """Warns of the columns whose new values differ, and no longer of the others."""
    machine = await session.get_one(Machine, machine_id, with_for_update={"key_share": True})
    shown = machine.machine_columns_warnings
    others = {name: warning for name, warning in shown.items() if not str(warning).startswith(FLAG)}
    moved = {each["column"]: f"{FLAG} (PSI {each['psi']:.2f}). Train again." for each in drifted if each["is_large"]}
    if (warnings := moved | others) != shown:
        machine.machine_columns_warnings = warnings
