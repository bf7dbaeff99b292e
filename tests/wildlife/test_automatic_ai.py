"""Projects that want it have new media looked at without being asked: the detector first, then who names species."""

import pytest
from sqlalchemy import select, update

from app.gateways.fakes.ai_manager import FakeManager
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobStage
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectStatus
from app.models.wildlife.collections import Collection
from app.models.wildlife.providers import AIProvider, AIProviderType, TrapperAIProvider
from app.services.wildlife.ai_jobs import progress
from app.settings import settings
from resolvers import ids
from tests.servers import serving
from tests.wildlife import ai, factories


@pytest.fixture
def manager():
    return FakeManager(ai.one_animal)


@pytest.fixture
async def at(database, owner, manager, monkeypatch, tmp_path):
    """A project that has its media looked at by a detector of a manager; nothing has come in yet."""
    with serving(manager) as server:
        for name, value in {"outside_hosts_allowed": [server.host], "home": tmp_path}.items():
            monkeypatch.setattr(settings, name, value)
        made = await ai.season(database, owner, server.url, count=0)
        await decide(database, made, requires_ai=True, detection_provider_id=made.provider.id)
        yield made


async def decide(database, at, **values):
    where = ClassificationProject.id == at.classification_project.id
    async with database.writing() as session:
        await session.execute(update(ClassificationProject).where(where).values(**values))


@pytest.fixture
def bring(database, change, owner, at):
    """Brings in media as a client does; answers with them."""

    async def bring(*names):
        media = [await factories.resource(database, at.project, name) for name in names]
        listed = [ids.encode(each) for each in media]
        of = ids.encode_key(Collection, at.collection.collection_id)
        await change("addToCollection", "id", viewer=owner, id=of, resourceIds=listed)
        return media

    return bring


async def jobs(database):
    async with database.reading() as session:
        rows = await session.scalars(select(AIClassificationJob).order_by(AIClassificationJob.id))
        return [(each.ai_provider_id, each.total_count, each.stage) for each in rows]


async def worked(database, manager):
    await ai.follow(database)
    await manager.work()
    await ai.follow(database)


async def test_new_media_are_looked_at_once(database, bring, at, manager):
    await bring("one.jpg", "two.jpg")
    assert await jobs(database) == [(at.provider.id, 2, AIJobStage.CREATED)]
    # What comes while the provider is at it has its turn when that is done.
    await bring("three.jpg")
    assert len(await jobs(database)) == 1
    await worked(database, manager)
    assert await jobs(database) == [(at.provider.id, 2, AIJobStage.DONE), (at.provider.id, 1, AIJobStage.CREATED)]
    await worked(database, manager)
    assert [stage for *_, stage in await jobs(database)] == [AIJobStage.DONE] * 2


@pytest.mark.parametrize(
    "values",
    [
        {"requires_ai": False},
        {"detection_provider_id": None},
        {"status": ClassificationProjectStatus.FINISHED},
    ],
)
async def test_nothing_is_started_where_nobody_wants_it(database, bring, at, values):
    await decide(database, at, **values)
    await bring("one.jpg")
    assert await jobs(database) == []


async def test_species_are_named_when_the_detector_is_done(database, bring, at, manager):
    given = {"connection_id": at.connection.id, "user_id": at.project.owner_id, "name": "Names"}
    species = await factories.ai_provider(
        database, kind=TrapperAIProvider, provider_type=AIProviderType.CLASSIFICATION, **given
    )
    await decide(database, at, species_provider_id=species.id)
    await bring("one.jpg")
    assert [provider for provider, *_ in await jobs(database)] == [at.provider.id]
    await worked(database, manager)
    assert [provider for provider, *_ in await jobs(database)] == [at.provider.id, species.id]


async def test_what_failed_is_not_tried_again_by_itself(database, bring, at):
    await bring("one.jpg")
    async with database.writing() as session:
        job = (await session.scalars(select(AIClassificationJob))).one()
        await progress.end(session, job, AIJobStage.FAILED, "The manager is gone.")
    await bring("two.jpg")
    assert [count for _, count, _ in await jobs(database)] == [1, 1]


async def test_the_owner_is_told_why_media_were_not_given(database, bring, at, ask, owner):
    async with database.writing() as session:
        await session.execute(update(AIProvider).where(AIProvider.id == at.provider.id).values(is_active=False))
    [medium] = await bring("one.jpg")
    assert await jobs(database) == []
    [told] = (await ask("{ notifications { nodes { message } } }", viewer=owner))["notifications"]["nodes"]
    assert told["message"] == (
        f"New media of Spring were not sent to {at.provider.name}. "
        "This provider is not active. Sync its connection, or choose another."
    )
    listed = f'{{ resource(id: "{ids.encode(medium)}") {{ collections {{ totalCount }} }} }}'
    assert (await ask(listed, viewer=owner))["resource"]["collections"]["totalCount"] == 1
