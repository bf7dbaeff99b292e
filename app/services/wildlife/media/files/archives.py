"""ZIP archives of media: tables of places come first, and folders name deployments."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select, update

from app.database import WriteSession
from app.errors import Invalid
from app.limits.wildlife import FILE_PATH_LENGTH_MAX
from app.models.accounts import User
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.uploads import MediaReading
from app.policies import Viewer
from app.services.wildlife.media.files.readings import ReadingPlan
from app.services.wildlife.places import tables

TABLES = {"locations.csv": "locations", "deployments.csv": "deployments"}
TAKEN_BY = {"locations.csv": tables.import_locations, "deployments.csv": tables.import_deployments}


async def parsed_tables(folder: Path, members: list[str]) -> dict[str, tables.Parsed]:
    """The tables of an archive, read."""
    return {
        name: await tables.parsed((folder / str(members.index(name))).read_bytes(), kind, argument=f"upload/{name}")
        for name, kind in TABLES.items()
        if name in members
    }


async def begin(
    session: WriteSession,
    reading_id: int,
    plan: ReadingPlan,
    members: list[str],
    tables_given: Mapping[str, tables.Parsed],
) -> list[tuple[int, str, int | None]]:
    """Imports the tables of an archive; answers with number, path and deployment of each of its media."""
    user = await session.get_one(User, plan.user_id)
    viewer = Viewer(user.id, is_staff=user.is_staff)
    for name, take in TAKEN_BY.items():
        if name in tables_given:
            done = await take(session, viewer, plan.project_id, tables_given[name])
            if done.has_errors:
                first = next(problem for problem in done.problems if problem.is_error)
                raise Invalid("upload", f"{name}, row {first.row}, column {first.column}: {first.message}")
    known = await _deployments(session, plan.project_id)
    places = [
        (number, path[:FILE_PATH_LENGTH_MAX], _deployment_of(path, known) or plan.deployment_id)
        for number, path in enumerate(members)
        if path not in TABLES
    ]
    if not places:
        raise Invalid("upload", "This archive contains no media.")
    await session.execute(
        update(MediaReading)
        .where(MediaReading.id == reading_id)
        .values(total=len(places))
        .execution_options(synchronize_session=False)
    )
    return places


async def _deployments(session: WriteSession, project_id: int) -> dict[str, int]:
    listed = select(Deployment.deployment_id, Deployment.id).where(Deployment.research_project_id == project_id)
    return {row.deployment_id: row.id for row in await session.execute(listed)}


def _deployment_of(path: str, known: dict[str, int]) -> int | None:
    """The deployment whose id is the name of a folder, the innermost first."""
    folders = path.split("/")[:-1]
    return next((known[name] for name in reversed(folders) if name in known), None)
