"""Places of sensitive species are coarse for all but members, by every door, from the moment the species is seen."""

from collections.abc import Awaitable, Callable

import pytest
from graphql import GraphQLObjectType, get_named_type
from shapely import Point
from sqlalchemy import delete, select, update

from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.projects import ResearchProject, ResearchProjectStatus
from app.models.wildlife.species import Species, TaxonRank
from resolvers import ids
from schema import schema
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import Season, seen

EXACT = [23.8512, 52.7034]
COARSE = [23.9, 52.7]
WILDLIFE = {"Location", "Deployment", "DeploymentFailure", "Resource", "Sequence", "Collection", "CollectionResource"}


@pytest.fixture
async def at(database, owner) -> Season:
    """A public place of an open project; nothing was seen there yet."""
    at = await classifying.season(database, owner.id)
    async with database.writing() as session:
        research = await session.get_one(ResearchProject, at.research.id)
        research.is_public, research.shares_media, research.status = True, True, ResearchProjectStatus.APPROVED
        place = await session.get_one(Location, at.deployment.location_id)
        place.is_public, place.point = True, Point(*EXACT)
    return at


@pytest.fixture
def is_sensitive(database, at) -> Callable[[], Awaitable[bool]]:
    async def is_sensitive() -> bool:
        async with database.reading() as session:
            return bool(
                await session.scalar(select(Location.is_sensitive).where(Location.id == at.deployment.location_id))
            )

    return is_sensitive


async def declare(database, species_id: int, *, is_sensitive: bool = True) -> None:
    async with database.writing() as session:
        await session.execute(update(Species).where(Species.id == species_id).values(is_sensitive=is_sensitive))


async def test_a_place_becomes_sensitive_with_the_first_sighting_and_stops_with_the_last(database, at, is_sensitive):
    await declare(database, at.fox.id)
    assert not await is_sensitive()
    await classifying.by_ai(database, at, 0, seen(at.deer))
    assert not await is_sensitive()
    await classifying.by_ai(database, at, 0, seen(at.fox))
    assert await is_sensitive(), "what AI says counts, before anybody approves it"
    await classifying.by_ai(database, at, 0, seen(at.deer))
    assert not await is_sensitive()


async def test_declaring_a_species_sensitive_works_for_what_was_seen_before(database, at, is_sensitive):
    await classifying.by_ai(database, at, 0, seen(at.fox))
    await declare(database, at.fox.id)
    assert await is_sensitive()
    await declare(database, at.fox.id, is_sensitive=False)
    assert not await is_sensitive()


async def test_parts_and_synonyms_of_a_sensitive_taxon_are_sensitive(database, at, is_sensitive):
    genus = await wildlife.species(database, "Lynx", rank=TaxonRank.GENUS, is_sensitive=True)
    lynx = await wildlife.species(database, "Lynx lynx", parent_id=genus.id)
    old = await wildlife.species(database, "Felis lynx", accepted_id=lynx.id)
    await classifying.by_ai(database, at, 0, seen(old))
    assert await is_sensitive()
    await declare(database, genus.id, is_sensitive=False)
    assert not await is_sensitive()


async def test_a_place_follows_its_media_and_deployments(database, at, is_sensitive):
    await declare(database, at.fox.id)
    await classifying.by_ai(database, at, 0, seen(at.fox))
    elsewhere = await wildlife.location(database, at.research, "elsewhere")
    moved = await wildlife.deployment(database, elsewhere, "r2")
    of_media = update(Resource).where(Resource.id == at.resources[0].id)
    async with database.writing() as session:
        await session.execute(of_media.values(deployment_id=moved.id))
    assert not await is_sensitive()
    async with database.writing() as session:
        of_deployment = update(Deployment).where(Deployment.id == moved.id)
        await session.execute(of_deployment.values(location_id=at.deployment.location_id))
    assert await is_sensitive()
    async with database.writing() as session:
        await session.execute(delete(ClassificationDynamicAttrs))
    assert not await is_sensitive()


QUERY = """query ($bbox: [Float!]) { locations(bbox: $bbox) { totalCount nodes { point coordinateUncertainty } } }"""


async def test_strangers_see_and_find_a_sensitive_place_on_a_grid(ask, owner, other, database, at):
    exact, coarse = [23.85, 52.70, 23.86, 52.71], [23.89, 52.69, 23.91, 52.71]
    for viewer in (None, other, owner):
        [place] = (await ask(QUERY, viewer=viewer))["locations"]["nodes"]
        assert place == {"point": {"type": "Point", "coordinates": EXACT}, "coordinateUncertainty": None}
    await declare(database, at.fox.id)
    await classifying.by_ai(database, at, 0, seen(at.fox))
    for viewer in (None, other):
        [place] = (await ask(QUERY, viewer=viewer))["locations"]["nodes"]
        assert place["point"]["coordinates"] == pytest.approx(COARSE)
        assert place["coordinateUncertainty"] >= 11_132
        assert (await ask(QUERY, viewer=viewer, bbox=exact))["locations"] == {"totalCount": 0, "nodes": []}
        assert (await ask(QUERY, viewer=viewer, bbox=coarse))["locations"]["totalCount"] == 1
    assert (await ask(QUERY, viewer=owner, bbox=exact))["locations"]["totalCount"] == 1
    [place] = (await ask(QUERY, viewer=owner))["locations"]["nodes"]
    assert place["point"]["coordinates"] == EXACT


async def test_no_answer_to_a_stranger_holds_the_exact_place(ask, database, owner, at):
    """Every field without arguments of every type on the way to the place, as the schema has them."""
    await declare(database, at.fox.id)
    await classifying.by_ai(database, at, 0, seen(at.fox))
    place = (await wildlife_ids(database, at))["Location"]
    for start in ("Location", "Deployment", "Resource"):
        id = (await wildlife_ids(database, at))[start]
        document = f"query ($id: ID!) {{ node(id: $id) {{ ... on {start} {{ {_fields(start)} }} }} }}"
        answer = await ask(document, id=id)
        assert answer["node"] is not None, start
        assert "23.8512" not in str(answer["node"])
        assert "52.7034" not in str(answer["node"])
    assert place


def test_places_are_shown_and_sought_by_these_doors_alone():
    """Whoever adds another has to look whether it is coarse."""
    types = schema._schema.type_map
    shown = {
        f"{name}.{field}"
        for name in WILDLIFE
        for field, declared in types[name].fields.items()
        if get_named_type(declared.type).name.startswith("GeoJSON")
    }
    sought = {
        name
        for name, declared in schema._schema.query_type.fields.items()
        if {"bbox", "intersects"} & set(declared.args)
        and get_named_type(declared.type).name.removesuffix("Connection").rstrip("s") in WILDLIFE
    }
    assert shown == {"Location.point"}
    assert sought == {"locations"}


async def wildlife_ids(database, at: Season) -> dict[str, str]:
    async with database.reading() as session:
        place = await session.get_one(Location, at.deployment.location_id)
    return {
        "Location": ids.encode(place),
        "Deployment": ids.encode(at.deployment),
        "Resource": ids.encode(at.resources[0]),
    }


def _fields(name: str, depth: int = 2) -> str:
    """All that can be asked of a type, some levels down."""
    found = []
    for field, declared in schema._schema.type_map[name].fields.items():
        kind = get_named_type(declared.type)
        if not isinstance(kind, GraphQLObjectType):
            found.append(field)
        elif depth and kind.name in WILDLIFE:
            found.append(f"{field} {{ {_fields(kind.name, depth - 1)} }}")
        elif depth and kind.name.endswith("Connection") and "nodes" in kind.fields:
            below = get_named_type(kind.fields["nodes"].type)
            if below.name in WILDLIFE:
                found.append(f"{field}(first: 2) {{ nodes {{ {_fields(below.name, depth - 1)} }} }}")
    return " ".join(found) or "__typename"
