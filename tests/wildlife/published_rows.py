"""Published observations as rows of a classification project, approved, for figures that others have published."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely import Point
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database import Database
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType, Sequence
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationLevel, ObservationType
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife

FOLDER = Path(__file__).parent / "published"
APPROVED = """
WITH final AS (SELECT * FROM classifications WHERE classification_type = 'FINAL' AND project_id = :project),
said AS (
    INSERT INTO classifications
        (project_id, research_project_id, resource_id, classification_type, user_id, final_id, is_blank)
    SELECT final.project_id, final.research_project_id, final.resource_id, 'USER', :user, final.id, false FROM final
    RETURNING id, resource_id
) SELECT resource_id, id FROM said
"""
APPROVE = """
UPDATE classifications AS final SET source_id = said.id, is_approved = true, approved_at = now(), version = 2
FROM classifications AS said WHERE said.final_id = final.id AND final.project_id = :project
"""
Row = Mapping[str, str]


@dataclass(frozen=True)
class Published:
    """The project, and its deployments and species by what the tables call them."""

    project: ClassificationProject
    deployments: Mapping[str, Deployment]
    species: Mapping[str, int]


async def published(database: Database, owner_id: int, name: str) -> Published:
    """The tables of this name."""
    research = await wildlife.project(database, owner_id)
    deployments = {}
    for row in _table(f"{name}_deployments.csv"):
        place = await wildlife.location(
            database, research, row["location"], point=Point(float(row["longitude"]), float(row["latitude"])),
            timezone="Europe/Brussels",
        )  # fmt: skip
        deployments[row["deployment"]] = await wildlife.deployment(
            database, place, row["deployment"], starts_at=row["start"], ends_at=row["end"]
        )
    rows = list(_table(f"{name}_observations.csv"))
    names = sorted({row["species"] for row in rows if row["species"]})
    species = {each: (await wildlife.species(database, each)).id for each in names}
    collection = await wildlife.collection(database, research)
    project = await classifying.classification_project(database, research)
    await classifying.linked(database, project, collection)
    media = await _media(database, research.id, rows, deployments)
    await wildlife.put_into(database, collection, *media.values())
    async with database.writing() as session:
        connection = await session.connection()
        await _approve(connection, project, owner_id, rows, media, species)
    return Published(project, deployments, species)


async def _media(
    database: Database, research_id: int, rows: Iterable[Row], deployments: Mapping[str, Deployment]
) -> dict[str, Resource]:
    times: dict[tuple[str, str], list[str]] = {}
    media: dict[str, Row] = {}
    for row in rows:
        times.setdefault((row["deployment"], row["event"]), []).append(row["at"])
        if row["level"] == "object" or row["medium"] not in media:
            media[row["medium"]] = row
    given = {"research_project_id": research_id}
    async with database.writing() as session:
        sequences = {
            key: Sequence(deployment_id=deployments[key[0]].id, starts_at=min(found), ends_at=max(found), **given)
            for key, found in times.items()
        }
        session.add_all(sequences.values())
        await session.flush()
        made = {
            id: Resource(
                deployment_id=deployments[row["deployment"]].id,
                sequence_id=sequences[row["deployment"], row["event"]].id,
                name=id, file_path=id, storage_key=f"media/{id}", status=ResourceStatus.READ,
                resource_type=ResourceType.IMAGE, mime_type="image/jpeg", recorded_at=row["at"], **given,
            )
            for id, row in media.items()
        }  # fmt: skip
        session.add_all(made.values())
    return made


async def _approve(
    connection: AsyncConnection,
    project: ClassificationProject,
    owner_id: int,
    rows: Iterable[Row],
    media: Mapping[str, Resource],
    species: Mapping[str, int],
) -> None:
    said = await connection.execute(text(APPROVED), {"project": project.id, "user": owner_id})
    classification_ids = dict(said.all())
    observations: list[dict[str, Any]] = [
        {
            "classification_id": classification_ids[media[row["medium"]].id],
            "project_id": project.id,
            "resource_id": media[row["medium"]].id,
            "observation_type": ObservationType[row["type"].upper()],
            "observation_level": ObservationLevel[row["level"].upper()],
            "species_id": species.get(row["species"]),
            "count": int(row["count"] or 1),
        }
        for row in rows
    ]
    # In one statement: each has a trigger that looks at all observations of its classifications.
    await connection.execute(insert(ClassificationDynamicAttrs).values(observations))
    await connection.execute(text(APPROVE), {"project": project.id})


def _table(name: str) -> Iterable[Row]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
