"""Vector tiles of deployments show what the viewer may see, and sensitive places coarsely to all but members."""

import mapbox_vector_tile
import pytest
from shapely import Point
from sqlalchemy import update

from app.geometry.tiles import Tile, position
from app.models.wildlife.deployments import Location
from app.models.wildlife.projects import ResearchProject, ResearchProjectStatus
from app.models.wildlife.species import Species
from resolvers import ids
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import Season, seen

ZOOM = 14
EXACT = (23.8512, 52.7034)
COARSE = (23.9, 52.7)


def at_place(place):
    return Tile(ZOOM, *(int(part) for part in position(*place, ZOOM)))


@pytest.fixture
async def at(database, owner) -> Season:
    at = await classifying.season(database, owner.id)
    async with database.writing() as session:
        await session.execute(update(Location).values(is_public=True, point=Point(*EXACT)))
        opened = {"is_public": True, "status": ResearchProjectStatus.APPROVED}
        await session.execute(update(ResearchProject).values(**opened))
    return at


@pytest.fixture
def tile(api):
    async def tile(place, viewer=None, **chosen):
        at = at_place(place)
        headers = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
        answer = await api.get(f"/tiles/deployments/{at.z}/{at.x}/{at.y}.mvt", params=chosen, headers=headers)
        if answer.status_code == 204:
            return []
        assert answer.status_code == 200, answer.text
        return [each["properties"] for each in mapbox_vector_tile.decode(answer.content)["deployments"]["features"]]

    return tile


async def test_deployments_are_where_they_are(tile, at, owner):
    for viewer in (None, owner):
        [found] = await tile(EXACT, viewer)
        assert found["id"] == ids.encode(at.deployment)
        assert found["starts_at"].startswith(f"{at.deployment.starts_at:%Y-%m-%d}")
    assert await tile((10.0, 50.0)) == []


async def test_sensitive_places_are_coarse_to_all_but_members(tile, at, owner, other, database):
    assert at_place(EXACT) != at_place(COARSE)
    async with database.writing() as session:
        await session.execute(update(Species).where(Species.id == at.fox.id).values(is_sensitive=True))
    await classifying.by_ai(database, at, 0, seen(at.fox))
    for viewer in (None, other):
        assert await tile(EXACT, viewer) == []
        assert len(await tile(COARSE, viewer)) == 1
    assert len(await tile(EXACT, owner)) == 1
    assert await tile(COARSE, owner) == []


async def test_private_places_are_for_members(tile, at, owner, other, database):
    async with database.writing() as session:
        await session.execute(update(Location).values(is_public=False))
    assert await tile(EXACT, other) == []
    assert len(await tile(EXACT, owner)) == 1


async def test_tiles_are_filtered_by_project(tile, at, owner, database, api):
    another = await wildlife.project(database, owner.id, name="Another", acronym="ANO")
    assert len(await tile(EXACT, owner, researchProject=ids.encode(at.research))) == 1
    assert await tile(EXACT, owner, researchProject=ids.encode(another)) == []
    where = at_place(EXACT)
    refused = await api.get(f"/tiles/labels/{where.z}/{where.x}/{where.y}.mvt?researchProject={ids.encode(another)}")
    assert refused.status_code == 400
