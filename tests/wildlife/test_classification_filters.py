"""Lists of classifications: what each filter finds, page by page, in as many statements whatever is on a page."""

from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from strawberry.utils.str_converters import to_snake_case

from app.models.accounts import User
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import ResourceType
from app.models.wildlife.observations import Age, Behaviour, ObservationLevel, ObservationType, Sex
from app.pagination import PageArgs, cursors, page
from app.policies import Viewer
from app.postgres.prepared import compiled
from app.services.wildlife.classifications import marking, paging
from app.services.wildlife.classifications.approvals import approving, feedback
from app.services.wildlife.classifications.classifying import Content
from app.services.wildlife.classifications.marking import Marks
from resolvers import ids
from resolvers.plan import levels
from resolvers.plan import statements as plan_statements
from resolvers.wildlife.classifications.queries import ClassificationFilter, ClassificationOrder, classifications
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import (
    BLANK,
    HUMAN,
    Season,
    ai_provider,
    by_ai,
    by_person,
    final,
    joined,
    linked,
    season,
    seen,
)

LIST = """query ($project: ID, $filter: ClassificationFilter, $first: Int = 25, $after: String,
        $order: ClassificationOrder = OLDEST) {
    classifications(classificationProjectId: $project, filter: $filter, first: $first, after: $after, orderBy: $order) {
        totalCount nodes { id classificationType %s } pageInfo { hasNextPage endCursor } } }"""
BELOW = """observations { nodes { observationType bboxes classification { classificationType model { name } } } }
    sourceClassification { user { username } } project { name }"""
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
async def at(database, owner, other) -> Season:
    """Eight media, each other than the rest; the eighth has been looked at by nobody."""
    made = await season(database, owner.id, media=8)
    await joined(database, made, other.id)
    genus = await wildlife.species(database, "Vulpes")
    synonym = await wildlife.species(database, "Canis vulpes", accepted_id=made.fox.id)
    second = await wildlife.location(database, made.research, "loc2", ignore_dst=True)
    elsewhere = await wildlife.deployment(database, second, "r2")
    sequence = await wildlife.sequence(database, made.deployment)
    async with database.writing() as session:
        session.add_all([made.fox, *made.resources])
        made.fox.parent_id = genus.id
        for number, resource in enumerate(made.resources):
            resource.recorded_at = NOON + timedelta(hours=number)
        made.resources[1].resource_type = ResourceType.VIDEO
        made.resources[1].owner_id = other.id
        made.resources[2].deployment_id = elsewhere.id
        made.resources[3].sequence_id = sequence.id
    spare = await wildlife.collection(database, made.research, "Spare")
    await wildlife.put_into(database, spare, made.resources[4])
    link = await linked(database, made.project, spare)
    named = {"genus": genus, "synonym": synonym, "second": second, "elsewhere": elsewhere, "sequence": sequence}
    detector = await ai_provider(database, owner.id, "Detector")
    vars(made).update(named, spare=spare, spare_link=link, detector=detector)
    await _say(database, made, owner, other)
    return made


async def _say(database, at, owner, other) -> None:
    await by_ai(database, at, 0, seen(at.fox, classification_confidence=0.9))
    await by_ai(database, at, 1, seen(at.deer, classification_confidence=0.4), seen(kind=HUMAN, bboxes=None))
    await by_person(database, at, 2, other.id, seen(at.deer, sex=Sex.MALE, age=Age.ADULT, individual_id="M1"))
    said = await by_ai(database, at, 3, seen(at.synonym, behaviour=Behaviour.RUNNING))
    async with database.writing() as session:
        await approving.approve_classification(session, Viewer(owner.id), said, expected_version=1)
    async with database.writing() as session:
        await feedback.give_feedback(session, Viewer(other.id), said, content=Content([seen(at.deer)]))
    group = seen(at.deer, observation_level=ObservationLevel.GROUP, bboxes=None, count=5)
    said = await by_person(database, at, 4, owner.id, group)
    async with database.writing() as session:
        await approving.approve_classification(session, Viewer(owner.id), said.id, expected_version=1)
    await by_ai(database, at, 5, seen(at.fox), provider=at.detector)
    await by_person(database, at, 5, other.id, seen(at.deer))
    await by_person(database, at, 6, other.id, seen(kind=BLANK))
    marks = [(4, Marks(is_gold_standard=True)), (7, Marks(is_setup=True)), (6, Marks(is_blank=True))]
    for number, mark in marks:
        row = await final(database, at, number)
        async with database.writing() as session:
            await marking.mark_classifications(session, Viewer(owner.id), [row.id], mark)


CASES = [
    ({}, [0, 1, 2, 3, 4, 5, 6, 7]),
    ({"approved": True}, [3, 4]),
    ({"approved": False}, [0, 1, 2, 5, 6, 7]),
    ({"feedback": True}, [3]),
    ({"classified": True}, [2, 4, 5, 6]),
    ({"classified": False}, [0, 1, 3, 7]),
    ({"classifiedAi": True}, [0, 1, 3, 5]),
    ({"disagreement": True}, [5]),
    ({"needsReview": True}, [2, 3, 5, 6]),
    ({"isBlank": True}, [6]),
    ({"isSetup": True}, [7]),
    ({"isGoldStandard": True}, [4]),
    ({"bboxes": True}, [0, 1, 2, 3, 5]),
    ({"bboxes": False}, [4, 6, 7]),
    ({"speciesIds": "fox"}, [0, 3, 5]),
    ({"speciesIds": "genus"}, [0, 3, 5]),
    ({"speciesIds": "synonym"}, [0, 3, 5]),
    ({"speciesIds": "deer"}, [1, 2, 4, 5]),
    ({"observationTypes": ["HUMAN", "BLANK"]}, [1, 6]),
    ({"observationLevel": "GROUP"}, [4]),
    ({"sex": ["MALE"]}, [2]),
    ({"age": ["ADULT", "JUVENILE"]}, [2]),
    ({"behaviour": ["RUNNING"]}, [3]),
    ({"individualId": "M1"}, [2]),
    ({"confidenceMin": 0.5}, [0]),
    ({"confidenceMax": 0.5}, [1]),
    ({"speciesIds": "deer", "observationTypes": ["HUMAN"]}, []),
    ({"aiProviderId": "provider"}, [0, 1, 3]),
    ({"aiProviderId": "detector"}, [5]),
    ({"userId": "other"}, [2, 3, 5, 6]),
    ({"deploymentIds": "elsewhere"}, [2]),
    ({"locationIds": "second"}, [2]),
    ({"collectionIds": "spare"}, [4]),
    ({"collectionIds": "spare_link"}, [4]),
    ({"sequenceId": "sequence"}, [3]),
    ({"ownerId": "other"}, [1]),
    ({"resourceType": "VIDEO"}, [1]),
    ({"recordedFrom": "2026-07-01T15:00:00Z", "recordedUntil": "2026-07-01T17:00:00Z"}, [3, 4]),
    # Noon in UTC is 14:00 of summer time in Warsaw, and 13:00 where the cameras ignore it, as the third does.
    ({"timeFrom": "14:00", "timeUntil": "16:00"}, [0, 1, 2]),
    ({"timeFrom": "15:00", "timeUntil": "15:30"}, [1, 2]),
    ({"timeFrom": "20:00", "timeUntil": "01:00"}, [6, 7]),
    ({"timeFrom": "21:00"}, [7]),
    ({"timeUntil": "15:00"}, [0]),
    ({"classificationType": "AI"}, [0, 1, 3, 5]),
    ({"classificationType": "USER", "speciesIds": "deer"}, [2, 4, 5]),
    ({"classificationType": "FEEDBACK"}, [3]),
    ({"classificationType": "AI", "approved": True}, [3]),
    ({"classificationType": "AI", "deploymentIds": "elsewhere"}, []),
    ({"classificationType": "USER", "userId": "other", "needsReview": True}, [2, 5, 6]),
    ({"classificationType": "AI", "timeFrom": "14:00", "timeUntil": "15:00"}, [0]),
]
MANY = {"speciesIds", "deploymentIds", "locationIds", "collectionIds"}


def filled(at: Season, given, other):
    """The filter with ids for names."""
    made = {}
    for name, value in given.items():
        if name in MANY and isinstance(value, list):
            made[name] = [ids.encode(getattr(at, each)) for each in value]
        elif isinstance(value, str) and (hasattr(at, value) or value == "other"):
            id = ids.encode(other.user if value == "other" else getattr(at, value))
            made[name] = [id] if name in MANY else id
        else:
            made[name] = value
    return made


async def test_each_filter_finds_what_it_means(ask, owner, other, at):
    wrong = []
    for given, expected in CASES:
        variables = {"project": ids.encode(at.project), "filter": filled(at, given, other)}
        answer = await ask(LIST % "recordedAt finalClassification { recordedAt }", viewer=owner, **variables)
        assert answer.errors == [], given
        rows = answer["classifications"]["nodes"]
        hours = [each["recordedAt"] or each["finalClassification"]["recordedAt"] for each in rows]
        found = sorted({int(hour[11:13]) - 12 for hour in hours})
        if found != expected or answer["classifications"]["totalCount"] != len(hours):
            wrong.append((given, found, expected))
    assert wrong == []


WRONGLY_LISTED = text("""
WITH meant AS (
    SELECT link.id AS project_collection_id, final.id AS classification_id
    FROM classification_project_collections AS link JOIN collection_resources AS item USING (collection_id)
    JOIN classifications AS final ON final.project_id = link.project_id AND final.resource_id = item.resource_id
    WHERE final.classification_type = 'FINAL'
)
SELECT (SELECT count(*) FROM meant), (
    SELECT count(*) FROM meant FULL JOIN classifications_in_collections AS listed
        USING (project_collection_id, classification_id)
    WHERE meant.* IS NULL OR listed.* IS NULL)
""")


async def test_the_database_lists_what_is_in_a_collection_as_media_come_and_go(database, at):
    unlinked = await wildlife.collection(database, at.research, "Linked later")
    await wildlife.put_into(database, unlinked, at.resources[0], at.resources[4])
    changes = (
        "SELECT 1",
        (
            "INSERT INTO classification_project_collections (project_id, collection_id, research_project_id) "
            f"VALUES ({at.project.id}, {unlinked.id}, {at.research.id})"
        ),
        f"DELETE FROM collection_resources WHERE collection_id = {unlinked.id} AND resource_id = {at.resources[4].id}",
        f"DELETE FROM collection_resources WHERE resource_id = {at.resources[7].id}",
        f"DELETE FROM classification_project_collections WHERE id = {at.spare_link.id}",
    )
    counts = []
    async with database.writing() as session:
        for change in changes:
            await session.execute(text(change))
            counts.append((await session.execute(WRONGLY_LISTED)).one()[:])
    assert counts == [(9, 0), (11, 0), (10, 0), (9, 0), (8, 0)]


# The last ones with so few that all is walked along.
ORDERS = [("NEWEST", paging.FEW), ("OLDEST", paging.FEW), ("RECORDED", paging.FEW), ("RECORDED_LAST", 0)]
VALUES = {"speciesIds", "observationTypes", "aiProviderId", "userId", "deploymentIds", "locationIds", "collectionIds"}
TWO = [
    {"speciesIds": "deer", "userId": "other"},
    {"speciesIds": "fox", "approved": False, "confidenceMin": 0.5},
    {"collectionIds": "collection", "classified": True},
    {"collectionIds": ["unlinked", "spare"]},
    {"deploymentIds": "deployment", "observationTypes": ["ANIMAL"], "bboxes": True},
    {"observationTypes": ["ANIMAL", "HUMAN"], "bboxes": False},
    {"userId": "owner", "aiProviderId": "provider"},
    {"speciesIds": []},
    {"collectionIds": []},
    {"observationTypes": []},
]
EVERYWHERE = [{}, {"approved": True}, {"speciesIds": "deer"}, {"userId": "other"}, {"deploymentIds": "deployment"}]


@pytest.mark.parametrize(("order", "few"), ORDERS)
async def test_pages_have_what_the_list_has_in_every_order(database, owner, other, at, order, few, monkeypatch):
    monkeypatch.setattr(paging, "FEW", few)
    unlinked = await wildlife.collection(database, at.research, "Not linked")
    await wildlife.put_into(database, unlinked, at.resources[0], at.resources[4])
    vars(at).update(unlinked=unlinked, owner=owner.user)
    info, by = SimpleNamespace(context=SimpleNamespace(viewer=Viewer(owner.id))), ClassificationOrder[order]
    async with database.reading() as session:
        of_project = [*(given for given, _ in CASES if VALUES & set(given)), *TWO]
        everywhere = [(given, None) for given in EVERYWHERE]
        for given, project in [*((given, ids.encode(at.project)) for given in of_project), *everywhere]:
            query = classifications(info, project, as_input(filled(at, given, other)))
            whole = (await session.scalars(query.execution_options(found_among=None))).all()
            found, after = [], None
            while True:
                rows = (await session.scalars(page(query, Classification, PageArgs(2, after, by)))).all()
                found += rows[:2]
                if len(rows) < 3:
                    break
                after = cursors(by)(rows[1].id, by.value_of(rows[1]))
            expected = sorted(whole, key=lambda row: row.id, reverse=by.descends)
            if by.column != "id":
                expected.sort(key=lambda row: value_of(row, by), reverse=by.descends)
            assert [row.id for row in found] == [row.id for row in expected], (given, order)
            assert await from_the_end(session, query, by) == [row.id for row in expected], (given, order)


async def from_the_end(session, query, by):
    found, before = [], None
    while True:
        args = PageArgs(last=2, before=before, order=by)
        rows = (await session.scalars(page(query, Classification, args))).all()
        found = [*(row.id for row in reversed(rows[:2])), *found]
        if len(rows) < 3:
            return found
        before = cursors(by)(rows[1].id, by.value_of(rows[1]))


def value_of(row, order):
    """What is sorted by; a null comes last either way."""
    value = order.value_of(row)
    return (value is None) is not order.descends, value or 0


def as_input(given):
    """The filter as its resolver gets it."""
    fields = {to_snake_case(name): value for name, value in given.items()}
    for name, kind in ENUMS.items():
        if isinstance(value := fields.get(name), list):
            fields[name] = [kind[each] for each in value]
        elif value is not None:
            fields[name] = kind[value]
    for name, read in READ.items():
        if name in fields:
            fields[name] = read.fromisoformat(fields[name])
    return ClassificationFilter(**fields)


ENUMS = {
    "classification_type": ClassificationType,
    "observation_types": ObservationType,
    "observation_level": ObservationLevel,
    "sex": Sex,
    "age": Age,
    "behaviour": Behaviour,
    "resource_type": ResourceType,
}
READ = {"recorded_from": datetime, "recorded_until": datetime, "time_from": time, "time_until": time}


@pytest.mark.parametrize("order", ["NEWEST", "OLDEST", "RECORDED", "RECORDED_LAST"])
async def test_pages_follow_each_other(ask, owner, at, order):
    found, after = [], None
    for _ in range(4):
        variables = {"project": ids.encode(at.project), "first": 2, "after": after, "order": order}
        page = (await ask(LIST % "recordedAt", viewer=owner, **variables))["classifications"]
        found += [each["recordedAt"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert not page["pageInfo"]["hasNextPage"]
    assert found == sorted(found, reverse=order in {"NEWEST", "RECORDED_LAST"})
    assert len(set(found)) == 8


async def test_a_page_takes_as_many_statements_whatever_is_on_it(ask, owner, at, statements):
    counts = []
    for first in (5, 8):
        variables = {"project": ids.encode(at.project), "first": first}
        await ask(LIST % BELOW, viewer=owner, **variables)
        statements.clear()
        answer = await ask(LIST % BELOW, viewer=owner, **variables)
        assert answer.errors == []
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_links_to_pictures_take_no_statement_of_their_own(ask, owner, at, statements):
    answer = await ask(
        LIST % "resource { name pictureLink originalLink }", viewer=owner, project=ids.encode(at.project)
    )
    assert answer.errors == []
    assert all(node["resource"]["originalLink"] for node in answer["classifications"]["nodes"])
    assert len([sql for sql in statements if "FROM classifications" in sql or "FROM resources" in sql]) == 3


async def test_the_statement_of_a_filter_is_made_once(ask, owner, at, monkeypatch):
    made = []
    for module in (plan_statements, levels):
        monkeypatch.setattr(module, "compiled", lambda query: made.append(query) or compiled(query))
    given = {"speciesIds": [ids.encode(at.fox)], "approved": False}
    for _ in range(2):
        made.clear()
        answer = await ask(LIST % "isApproved", viewer=owner, project=ids.encode(at.project), filter=given)
        assert [len(answer["classifications"]["nodes"]), answer.errors] == [2, []]
    assert made == []


async def test_nothing_is_found_by_whom_one_does_not_see(ask, database, owner, other, at):
    async with database.writing() as session:
        blocked = await session.get_one(User, other.id)
        blocked.is_active = False
    variables = {"project": ids.encode(at.project), "filter": {"userId": ids.encode(other.user)}}
    answer = await ask(LIST % "recordedAt", viewer=owner, **variables)
    assert answer["classifications"]["nodes"] == []


WRONG = [
    ({"timeFrom": "21:00+02:00"}, "timeFrom"),
    ({"recordedFrom": "0001-01-01T00:00:00Z"}, "recordedFrom"),
    ({"confidenceMin": 2}, "confidenceMin"),
]


@pytest.mark.parametrize(("given", "field"), WRONG, ids=str)
async def test_a_filter_that_means_nothing_is_named(ask, owner, at, given, field):
    answer = await ask(LIST % "id", viewer=owner, project=ids.encode(at.project), filter=given)
    assert (answer.codes, answer.errors[0]["extensions"]["field"]) == (["INVALID_INPUT"], field)
