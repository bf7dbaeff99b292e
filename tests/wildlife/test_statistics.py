"""Figures of projects: the numbers that others have published, and the rules by which records count."""

from datetime import UTC, datetime, timedelta
from math import pi
from typing import Any

import pytest

from app.models.wildlife.deployments import Location
from app.models.wildlife.observations import ObservationLevel
from app.models.wildlife.projects import ResearchProject, ResearchProjectStatus
from app.policies import Viewer
from app.services.wildlife.classifications.approvals import approving
from app.services.wildlife.classifications.observations import Observation
from resolvers import ids
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import HUMAN, seen
from tests.wildlife.published_rows import Published, published

DAY = 86_400


@pytest.fixture
def figures(ask, owner):
    """Asks for figures of a project."""

    async def figures(project, fields: str, filter: dict[str, Any] | None = None, **how) -> dict[str, Any]:
        query = f"""query ($id: ID!, $filter: StatisticsFilter) {{
            wildlifeStatistics(classificationProjectId: $id, filter: $filter) {{ {fields} }} }}"""
        answer = await ask(query, id=ids.encode(project), filter=filter, **{"viewer": owner, **how})
        return answer["wildlifeStatistics"]

    return figures


@pytest.fixture
async def mica(database, owner) -> Published:
    return await published(database, owner.id, "mica")


@pytest.fixture
async def tdwg(database, owner) -> Published:
    return await published(database, owner.id, "tdwg")


async def test_effort_of_camtraptors_package(figures, mica):
    """Issue 236 of camtraptor."""
    found = await figures(mica.project, "effort(station: DEPLOYMENT) { days stations { name seconds } }")
    assert sorted(each["seconds"] for each in found["effort"]["stations"]) == [786_802, 859_859, 1_204_929, 1_903_602]
    assert found["effort"]["days"] == pytest.approx(55.036944, abs=5e-7)


async def test_relative_abundance_of_camtraptors_package(figures, mica):
    """As in the documentation of `get_rai` and `get_rai_individuals`."""
    fields = "detectionRates(station: DEPLOYMENT, unit: %s) { scientificName rate station { name } }"
    rates = {}
    for unit in ("SEQUENCES", "INDIVIDUALS"):
        found = await figures(mica.project, fields % unit)
        for each in found["detectionRates"]:
            rates[unit, each["station"]["name"].split("-")[0], each["scientificName"]] = each["rate"]
    assert rates["SEQUENCES", "29b7d356", "Anas platyrhynchos"] == pytest.approx(40.192636, abs=5e-7)
    assert rates["INDIVIDUALS", "29b7d356", "Anas platyrhynchos"] == pytest.approx(130.626068, abs=5e-7)
    assert rates["SEQUENCES", "577b543a", "Mustela putorius"] == pytest.approx(32.943485, abs=5e-7)


async def test_the_example_of_camtrap_dp(figures, tdwg):
    """The tests of camtrapdp, and its Darwin Core snapshot."""
    every = {"observationTypes": ["ANIMAL", "HUMAN", "VEHICLE", "BLANK", "UNKNOWN", "UNCLASSIFIED"]}
    fields = """effort { days }
        observations { level observationType observations sequences individuals }
        detectionRates { individuals }"""
    found = await figures(tdwg.project, fields, every)
    counted = {(each["level"], each["observationType"]): each for each in found["observations"]}
    assert counted["GROUP", None]["sequences"] == 31
    assert counted["GROUP", "ANIMAL"]["observations"] == 29
    assert counted["GROUP", "ANIMAL"]["individuals"] == 56
    assert counted["OBJECT", "ANIMAL"]["observations"] == 337
    assert found["effort"]["days"] == pytest.approx(73.371609, abs=5e-7)
    animals = await figures(tdwg.project, "detectionRates { individuals sequences }")
    assert sum(each["individuals"] for each in animals["detectionRates"]) == 56


async def test_independent_records_of_the_example(figures, tdwg):
    for comparator in ("AT_LEAST", "MORE_THAN"):
        fields = f"""independentRecords(gapMinutes: 60, comparator: {comparator}) {{
            records independent dependent taxa {{ scientificName records independent }} }}
            detectionRates(comparator: {comparator}) {{ scientificName independent station {{ name }} }}"""
        found = await figures(tdwg.project, fields)
        records = found["independentRecords"]
        assert records["independent"] == 26, comparator
        taxa = {each["scientificName"]: each["independent"] for each in records["taxa"]}
        assert taxa["Anas platyrhynchos"] == 12
        assert taxa["Mustela putorius"] == 3
        mallards = [
            each["independent"] for each in found["detectionRates"] if each["scientificName"] == "Anas platyrhynchos"
        ]
        assert mallards == [6, 6]
        assert records["independent"] + records["dependent"] == records["records"] == 287


@pytest.fixture
async def at(database, owner) -> classifying.Season:
    return await classifying.season(database, owner.id, media=0)


@pytest.fixture
def record(database, owner, at):
    """Adds a medium, and what a person says of it; approved unless asked otherwise."""

    async def record(recorded_at: datetime, *observations: Observation, approve: bool = True, **said: Any) -> int:
        fields = {"deployment_id": at.deployment.id, "recorded_at": recorded_at}
        medium = await wildlife.resource(database, at.research, f"IMG_{len(at.resources)}.JPG", **fields)
        at.resources.append(medium)
        await wildlife.put_into(database, at.collection, medium)
        number = len(at.resources) - 1
        mine = await classifying.by_person(database, at, number, owner.id, *observations, **said)
        if approve:
            final = await classifying.final(database, at, number)
            async with database.writing() as session:
                await approving.approve_classification(
                    session, Viewer(owner.id), mine.id, expected_version=final.version
                )
        return number

    return record


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
RATE = "detectionRates { records sequences independent individuals daysSeen rate }"


async def test_only_approved_records_of_animals_count(figures, record, at):
    await record(NOON, seen(at.fox))
    await record(NOON + timedelta(hours=2), seen(at.fox), approve=False)
    await record(NOON + timedelta(hours=4), seen(kind=HUMAN))
    await record(NOON + timedelta(hours=6), seen(at.fox), is_setup=True)
    await record(NOON + timedelta(hours=8), is_blank=True)
    fields = "independentRecords { records } observations { level observationType observations }"
    found = await figures(at.project, fields)
    assert found["independentRecords"]["records"] == 1
    for filter, count in (
        ({"approvedOnly": False}, 2),
        ({"includeSetup": True}, 2),
        ({"observationTypes": ["ANIMAL", "HUMAN"]}, 2),
        ({"approvedOnly": False, "includeSetup": True, "observationTypes": ["ANIMAL", "HUMAN"]}, 4),
        ({"recordedFrom": (NOON + timedelta(hours=1)).isoformat()}, 0),
        ({"recordedUntil": NOON.isoformat()}, 0),
        ({"speciesIds": [ids.encode(at.deer)]}, 0),
        ({"speciesIds": [ids.encode(at.fox)]}, 1),
        ({"deploymentIds": [ids.encode(at.deployment)]}, 1),
    ):
        assert (await figures(at.project, fields, filter))["independentRecords"]["records"] == count, filter


async def test_groups_are_never_counted_beside_their_objects(figures, record, at):
    group = seen(at.deer, observation_level=ObservationLevel.GROUP, bboxes=None, count=7)
    await record(NOON, group, seen(at.deer), seen(at.deer), seen(at.fox))
    found = (await figures(at.project, "species { taxa { scientificName records individuals } }"))["species"]["taxa"]
    assert {each["scientificName"].split()[0]: each["individuals"] for each in found} == {"Cervus": 7, "Vulpes": 1}


async def test_a_burst_of_one_second_is_one_record_and_an_hour_later_it_depends(figures, record, at):
    for seconds in (0, 0.4, 0.8, 3_599, 3_600, 7_199):
        await record(NOON + timedelta(seconds=seconds), seen(at.fox))
    query = "independentRecords(gapMinutes: 60, comparator: %s, measuredFrom: %s) { records independent dependent }"
    found = {
        (comparator, since): (await figures(at.project, query % (comparator, since)))["independentRecords"]
        for comparator in ("AT_LEAST", "MORE_THAN")
        for since in ("LAST_INDEPENDENT_RECORD", "LAST_RECORD")
    }
    assert {key: each["independent"] for key, each in found.items()} == {
        ("AT_LEAST", "LAST_INDEPENDENT_RECORD"): 2,
        ("MORE_THAN", "LAST_INDEPENDENT_RECORD"): 2,
        ("AT_LEAST", "LAST_RECORD"): 1,
        ("MORE_THAN", "LAST_RECORD"): 1,
    }
    assert all(each["records"] == 6 and each["dependent"] == 6 - each["independent"] for each in found.values())
    exact = await figures(at.project, "independentRecords(gapMinutes: 59.98333333333333) { independent }")
    assert exact["independentRecords"]["independent"] == 3, "3 599 and 3 599 + 3 600 seconds"
    all_of_them = await figures(at.project, "independentRecords(gapMinutes: 0) { independent }")
    assert all_of_them["independentRecords"]["independent"] == 4


async def test_failures_take_effort_and_so_raise_the_rate(figures, record, database, at):
    await record(NOON, seen(at.fox))
    start = at.deployment.starts_at
    before = await figures(at.project, f"effort {{ days }} {RATE}")
    assert before["effort"]["days"] == 91
    assert before["detectionRates"][0]["rate"] == pytest.approx(100 / 91)
    await wildlife.failure(database, at.deployment, start + timedelta(days=10), start + timedelta(days=20))
    await wildlife.failure(database, at.deployment, start - timedelta(days=9), start + timedelta(days=1))
    after = await figures(at.project, f"effort {{ days stations {{ failedSeconds }} }} {RATE}")
    assert after["effort"]["days"] == 80
    assert after["effort"]["stations"][0]["failedSeconds"] == 11 * DAY
    assert after["detectionRates"][0]["rate"] == pytest.approx(100 / 80)


async def test_a_synonym_counts_as_its_accepted_taxon(figures, record, database, at):
    old = await wildlife.species(database, "Canis vulpes", accepted_id=at.fox.id)
    await record(NOON, seen(old))
    await record(NOON + timedelta(days=1), seen(at.fox))
    found = await figures(at.project, "species { richness taxa { speciesId sequences } }")
    assert found["species"] == {"richness": 1, "taxa": [{"speciesId": ids.encode(at.fox), "sequences": 2}]}


async def test_a_history_has_a_one_where_it_was_seen_and_null_where_nobody_watched(figures, record, database, at):
    start = at.deployment.starts_at
    await record(start + timedelta(days=8, hours=1), seen(at.fox))
    await wildlife.failure(database, at.deployment, start + timedelta(days=14), start + timedelta(days=21))
    fields = """detectionHistory(occasionDays: 7, method: NOON_TO_NOON) {
        occasions csv stations { name firstDate detections effortDays } unwatchedDates }"""
    [row] = (found := (await figures(at.project, fields))["detectionHistory"])["stations"]
    assert (row["firstDate"], found["occasions"]) == ("2026-04-01", 14)
    assert row["detections"][:4] == [0, 1, None, 0]
    assert row["effortDays"][:4] == [6.5, 7, None, 6.0], "a failure takes whole dates"
    head, line = found["csv"].splitlines()
    assert head.split(",")[:4] == ["station", "first_date", "o1", "o2"]
    assert line.split(",")[:6] == ["loc1", "2026-04-01", "0", "1", "NA", "0"]


async def test_activity_by_the_clock_and_by_the_sun(figures, record, at):
    """At 23.85° east in May the sun is highest at about 10:21 UTC, when clocks in Warsaw show 12:21."""
    await record(datetime(2026, 5, 1, 10, 22, tzinfo=UTC), seen(at.fox))
    await record(datetime(2026, 5, 2, 22, 30, tzinfo=UTC), seen(at.fox))
    query = "activity(clock: %s) { count hours radians meanHour concentration }"
    local, solar = [(await figures(at.project, query % clock))["activity"] for clock in ("LOCAL", "SOLAR")]
    assert [hour for hour, count in enumerate(local["hours"]) if count] == [0, 12]
    assert local["radians"] == [pytest.approx(12.366667 / 12 * pi, abs=1e-5), pytest.approx(0.5 / 12 * pi, abs=1e-5)]
    assert solar["radians"][0] == pytest.approx(pi, abs=0.005)
    assert [local["count"], solar["count"]] == [2, 2]


async def test_cameras_that_stay_on_winter_time(figures, record, database, at):
    async with database.writing() as session:
        (await session.get_one(Location, at.deployment.location_id)).ignore_dst = True
    await record(datetime(2026, 7, 1, 10, 30, tzinfo=UTC) - timedelta(days=1), seen(at.fox))
    found = (await figures(at.project, "activity { hours }"))["activity"]["hours"]
    assert [hour for hour, count in enumerate(found) if count] == [11]


async def test_ai_beside_people(figures, record, database, owner, at):
    said = {
        0: (seen(at.fox), seen(at.fox, classification_confidence=0.9)),
        1: (seen(at.fox), seen(at.deer, classification_confidence=0.6)),
        2: (seen(at.deer), seen(at.deer, classification_confidence=0.3)),
        3: (seen(at.deer), seen(at.deer, classification_confidence=0.1)),
    }
    for number, (truth, answer) in said.items():
        await record(NOON + timedelta(hours=number), truth)
        await classifying.by_ai(database, at, number, answer)
    fields = f"""agreement(providerId: "{ids.encode(at.provider)}", thresholds: [0, 0.5]) {{
        media accuracy confusion {{ truth predicted count }}
        figures {{ label threshold truePositives falsePositives falseNegatives precision recall f1 }} }}"""
    found = (await figures(at.project, fields))["agreement"]
    fox, deer = at.fox.scientific_name, at.deer.scientific_name
    assert (found["media"], found["accuracy"]) == (4, 0.5)
    assert {(each["truth"], each["predicted"]): each["count"] for each in found["confusion"]} == {
        (fox, fox): 1, (fox, deer): 1, (deer, deer): 1, (deer, "BLANK"): 1,
    }  # fmt: skip
    figures_of = {(each["label"], each["threshold"]): each for each in found["figures"]}
    assert figures_of[deer, 0] == {
        "label": deer, "threshold": 0, "truePositives": 2, "falsePositives": 1, "falseNegatives": 0,
        "precision": 2 / 3, "recall": 1, "f1": 4 / 5,
    }  # fmt: skip
    assert figures_of[deer, 0.5]["precision"] == 0
    assert figures_of[deer, 0.5]["recall"] == 0
    assert figures_of[fox, 0.5]["recall"] == 0.5


async def test_approved_answers_of_ai_say_nothing_about_ai(figures, record, database, owner, at):
    await record(NOON, seen(at.fox), approve=False)
    ai = await classifying.by_ai(database, at, 0, seen(at.fox, classification_confidence=0.9))
    final = await classifying.final(database, at, 0)
    async with database.writing() as session:
        await approving.approve_classification(session, Viewer(owner.id), ai, expected_version=final.version)
    fields = f'agreement(providerId: "{ids.encode(at.provider)}") {{ media accuracy confusion {{ count }} }}'
    assert (await figures(at.project, fields))["agreement"] == {"media": 0, "accuracy": None, "confusion": []}


async def test_progress_adds_up(figures, record, database, at):
    await record(NOON, seen(at.fox))
    await record(NOON, seen(at.fox), approve=False)
    await record(NOON, is_blank=True)
    medium = await wildlife.resource(database, at.research, "last.jpg", deployment_id=at.deployment.id)
    at.resources.append(medium)
    await wildlife.put_into(database, at.collection, medium)
    fields = "{ total approved classified classifiedAi unclassified setup blank needsReview }"
    found = (await figures(at.project, f"progress {{ total {fields} deployments {fields} }}"))["progress"]
    assert found["total"] == {
        "total": 4, "approved": 2, "classified": 1, "classifiedAi": 0, "unclassified": 1, "setup": 0, "blank": 1,
        "needsReview": 1,
    }  # fmt: skip
    assert found["deployments"] == [found["total"]]


async def test_figures_are_for_members_alone(ask, owner, other, database, at):
    """Also those of public projects: a history would tell where and when a rare animal comes."""
    async with database.writing() as session:
        research = await session.get_one(ResearchProject, at.research.id)
        research.is_public, research.shares_media, research.status = True, True, ResearchProjectStatus.APPROVED
    query = "query ($id: ID!) { wildlifeStatistics(classificationProjectId: $id) { effort { days } } }"
    for viewer in (other, None):
        assert (await ask(query, id=ids.encode(at.project), viewer=viewer)).codes == ["NOT_FOUND"]
    assert not (await ask(query, id=ids.encode(at.project), viewer=owner)).errors


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("independentRecords(gapMinutes: -1) { records }", "INVALID_INPUT"),
        ("detectionHistory(occasionDays: 0) { occasions }", "INVALID_INPUT"),
        ("activity(timesMax: 10001) { count }", "INVALID_INPUT"),
        ("cameraHealth(silentDays: 0) { message }", "INVALID_INPUT"),
    ],
)
async def test_arguments_out_of_range_are_refused(ask, owner, at, fields, code):
    query = f"query ($id: ID!) {{ wildlifeStatistics(classificationProjectId: $id) {{ {fields} }} }}"
    answer = await ask(query, id=ids.encode(at.project), viewer=owner)
    assert answer.codes == [code]


@pytest.mark.parametrize(
    ("brightness", "hour", "problems"),
    [
        ([0.01] * 5, 0, [("NO_FLASH", 5, "5 pictures of the night are black: the flash does not work.")]),
        # Black by day is a lens cap, bright at night is a flash, and of few pictures nothing is said.
        ([0.01] * 5, 12, []),
        ([0.3] * 5, 0, []),
        ([0.01] * 4, 0, []),
        ([0.01] * 3 + [0.3] * 2, 0, []),
        ([None] * 5, 0, []),
    ],
)
async def test_a_camera_without_flash_is_told_by_its_black_nights(figures, database, at, brightness, hour, problems):
    for number, each in enumerate(brightness):
        when = datetime(2026, 5, 1, hour, tzinfo=UTC) + timedelta(days=number)
        fields = {"deployment_id": at.deployment.id, "recorded_at": when, "brightness": each}
        await wildlife.resource(database, at.research, f"NIGHT_{number}.JPG", **fields)
    found = await figures(at.project, "cameraHealth(silentDays: 366) { problem count message }")
    assert [(each["problem"], each["count"], each["message"]) for each in found["cameraHealth"]] == problems
