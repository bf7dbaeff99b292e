"""Frames of imported packages: stored anew under the ids that their classifications and objects have here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import select, update

from app.database import WriteSession
from app.formats.wildlife.camtrap_dp import frame_files
from app.formats.wildlife.problems import Problems
from app.models.wildlife.classifications import Classification
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.services.wildlife.exchange.imports.staging import Staged
from app.services.wildlife.frames import storing
from app.telemetry.metering import in_thread


async def restore(
    session: WriteSession, problems: Problems, folder: Path, written: Mapping[int, Sequence[Staged]]
) -> None:
    """Gives rows the frames that their records name.

    written: the records of each row, in the order of its observations.
    """
    named = {row_id: rows for row_id, rows in written.items() if rows[0].record.get("frames")}
    if not named:
        return
    attrs = select(
        ClassificationDynamicAttrs.classification_id,
        ClassificationDynamicAttrs.id,
        ClassificationDynamicAttrs.species_id,
    ).where(ClassificationDynamicAttrs.classification_id.in_(named))
    here: dict[int, list[tuple[int, int | None]]] = {row_id: [] for row_id in named}
    for row_id, id, species_id in (await session.execute(attrs.order_by(ClassificationDynamicAttrs.id))).all():
        here[row_id].append((id, species_id))
    for row_id, rows in named.items():
        objects = [
            (staged.record["object_id"], id, species_id)
            for staged, (id, species_id) in zip(rows, here[row_id], strict=False)
            if staged.record["level"] == "object" and staged.record.get("object_id")
        ]
        digest = await _stored(folder / frame_files.name_of(rows[0].record["frames"]), row_id, objects)
        if digest is None:
            message = "The file of frames is not there or is broken. The observations are kept without it."
            problems.warn(rows[0].file, rows[0].line, "frames", message)
        else:
            own = update(Classification).where(Classification.id == row_id)
            await session.execute(own.values(frames_sha256=digest))


async def _stored(path: Path, row_id: int, objects: Sequence[tuple[int, int, int | None]]) -> str | None:
    return await storing.store_renamed(path, row_id, objects) if await in_thread(path.is_file) else None
