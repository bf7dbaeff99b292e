"""A small season with an AI Manager, and workers that look once."""

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Interval, func, literal, select, update

from app.database import Database
from app.gateways.fakes.ai_manager import DETECTOR, LOGIN, PASSWORD
from app.models.system import Job, JobState
from app.models.wildlife.ai_jobs import UserRemoteTask
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType
from app.models.wildlife.projects import ResearchProject
from app.models.wildlife.providers import AIProvider, AIProviderConnection
from app.security import encryption
from app.services.wildlife.ai_jobs.managers import polling
from app.services.wildlife.providers.connections import USE
from jobs.broker import WORKS
from jobs.run import attempt
from jobs.wildlife import ai_jobs  # noqa: F401 -- registers the jobs
from tests import factories as rows
from tests.fixtures import Person
from tests.wildlife import factories

TWO_DAYS = literal(timedelta(days=2), Interval)


async def one_animal(resource: Any) -> list[dict[str, Any]]:
    """An animal on every medium."""
    del resource
    return [{"label": "animal", "confidence": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}]


class Season(NamedTuple):
    """What a job needs."""

    project: ResearchProject
    classification_project: ClassificationProject
    collection: ClassificationProjectCollection
    connection: AIProviderConnection
    provider: AIProvider
    media: list[Resource]


async def season(database: Database, owner: Person, url: str, *, count: int = 3, **medium: Any) -> Season:
    """A project with media of a collection, and a detector of a manager at an address."""
    project = await factories.project(database, owner.id)
    of = await factories.collection(database, project)
    given = {"status": ResourceStatus.READ, "resource_type": ResourceType.IMAGE, "mime_type": "image/jpeg", **medium}
    media = [await factories.resource(database, project, f"IMG_{n}.JPG", **given) for n in range(count)]
    await factories.put_into(database, of, *media)
    made = await rows.add(
        database,
        ClassificationProject(research_project_id=project.id, name="Spring", owner_id=owner.id),
    )
    collection = await rows.add(
        database,
        ClassificationProjectCollection(project_id=made.id, collection_id=of.id, research_project_id=project.id),
    )
    connection = await factories.ai_provider_connection(
        database,
        owner.id,
        api_url=url,
        api_auth_login=LOGIN,
        api_auth_passw=encryption.encrypt(USE, PASSWORD),
        trapper_instance_url="http://fieldgraph.test",
    )
    provider = await factories.ai_provider(
        database,
        connection,
        remote_id=UUID(DETECTOR["id"]),
        categories=DETECTOR["categories"],
        video_support=True,
    )
    return Season(project, made, collection, connection, provider, media)


async def follow(database: Database) -> None:
    """Has every job looked at now, once."""
    async with database.writing() as session:
        await session.execute(
            update(UserRemoteTask).where(UserRemoteTask.next_poll_at.is_not(None)).values(next_poll_at=func.now())
        )
    await polling.wake_due(database)
    await work(database)


async def work(database: Database, *_: Any) -> None:
    """Does every queued job."""
    async with database.reading() as session:
        queued = (await session.scalars(select(Job).where(Job.state == JobState.QUEUED).order_by(Job.id))).all()
    for job in queued:
        await attempt(database, WORKS[job.kind], job.id, asyncio.Event())


async def report(database: Database) -> dict[str, Any]:
    """What the last sync reported."""
    async with database.reading() as session:
        connection = (await session.scalars(select(AIProviderConnection))).one()
    assert connection.last_sync_error is None, connection.last_sync_error
    return dict(connection.last_sync_report or {})
