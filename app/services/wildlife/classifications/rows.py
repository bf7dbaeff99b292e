"""Reads, locks and writes rows of classifications; what may be written is decided by those who call."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, insert, literal_column, select

from app.database import ReadSession, WriteSession
from app.models.wildlife.classifications import Classification
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.services.wildlife.classifications.observations import Observation

# Written out, not bound: only so does PostgreSQL know that a partial index holds all that is asked for.
IS_FINAL: ColumnElement[bool] = Classification.classification_type == literal_column("'FINAL'")
# Rows with a null and rows without go into one statement; otherwise a new one begins with each change between them.
TOGETHER = {"render_nulls": True}
OBSERVED = [column.name for column in fields(Observation)]


@dataclass(frozen=True)
class Final:
    """What is to be known of a FINAL to write below it. It is locked until the transaction ends."""

    id: int
    project_id: int
    research_project_id: int
    resource_id: int
    source_id: int | None
    version: int

    def key(self) -> dict[str, Any]:
        """What every row below it has in common."""
        return {
            "project_id": self.project_id,
            "research_project_id": self.research_project_id,
            "resource_id": self.resource_id,
            "final_id": self.id,
        }


async def finals_where(session: WriteSession, *conditions: ColumnElement[bool]) -> list[Final]:
    """The FINALs, locked in the order of their keys: two who change several of them never wait for each other."""
    columns = [getattr(Classification, column.name) for column in fields(Final)]
    query = select(*columns).where(*conditions).order_by(Classification.id).with_for_update(key_share=True)
    return [Final(**row) for row in (await session.execute(query)).mappings()]


async def insert_rows(session: WriteSession, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Inserts classifications; their keys in the same order."""
    if not rows:
        return []
    made = insert(Classification).returning(Classification.id, sort_by_parameter_order=True)
    return list((await session.scalars(made, list(rows), execution_options=TOGETHER)).all())


async def insert_observations(
    session: WriteSession, observed: Sequence[tuple[int, Final, Sequence[Observation]]]
) -> dict[int, list[int]]:
    """Inserts the observations of rows, each with its FINAL; the keys of the observations in order, by row."""
    rows = [
        _observed(observation)
        | {
            "classification_id": row_id,
            "project_id": final.project_id,
            "resource_id": final.resource_id,
            # What a trigger would set, set at once: a row less to write. The trigger corrects it where it is wrong.
            "shown_by_id": final.id if final.source_id is None else None,
        }
        for row_id, final, observations in observed
        for observation in observations
    ]
    ids: dict[int, list[int]] = {row_id: [] for row_id, _, _ in observed}
    if rows:
        made = insert(ClassificationDynamicAttrs).returning(
            ClassificationDynamicAttrs.classification_id, ClassificationDynamicAttrs.id, sort_by_parameter_order=True
        )
        for row_id, id in await session.execute(made, rows, execution_options=TOGETHER):
            ids[row_id].append(id)
    return ids


def _observed(observation: Observation) -> dict[str, Any]:
    return {name: getattr(observation, name) for name in OBSERVED}


async def observations_of(session: ReadSession, row_id: int) -> list[Observation]:
    """The observations of a row, as they can be given to another one."""
    of_row = ClassificationDynamicAttrs.classification_id == row_id
    rows = await session.scalars(
        select(ClassificationDynamicAttrs).where(of_row).order_by(ClassificationDynamicAttrs.id)
    )
    return [Observation(**{name: getattr(row, name) for name in OBSERVED}) for row in rows]
