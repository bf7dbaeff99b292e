"""Bulk queries: a whole list in files, page by page, with the rights of each moment, through lost workers."""

import asyncio
import csv
import json
from io import StringIO
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update

import jobs.integrations.bulk  # noqa: F401 -- registers the job
from app import job_queries
from app.models.accounts import User
from app.models.integrations import BulkQuery
from app.models.mapping.predictions import Prediction
from app.models.system import Job, JobState, UserNotification
from app.services.integrations import bulk
from app.settings import settings
from jobs.broker import WORKS
from jobs.run import attempt
from resolvers import ids
from tests import factories

DATASETS = "query ($order: NamedOrder!) { datasets(first: 2, orderBy: $order) { nodes { id name user { username } } } }"
OLDEST = {"order": "OLDEST"}
MADE = "rowCount total sizeBytes isFlat link csvLink failure finishedAt job { state progress }"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
async def datasets(database, owner):
    return [await factories.dataset(database, owner.id, name=f"Roofs {number}") for number in range(7)]


@pytest.fixture
def small_pages(monkeypatch):
    """Two rows in a page."""
    monkeypatch.setattr(job_queries, "_rows_at_once", lambda *_: 2)


@pytest.fixture
def turns(database):
    """Works on the newest bulk query, so many turns; answers with its job."""

    async def turns(most=100) -> Job:
        newest = select(Job).order_by(Job.id.desc()).limit(1)
        for _ in range(most):
            async with database.reading() as session:
                job = (await session.scalars(newest)).one()
            if job.state is not JobState.QUEUED:
                break
            await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
        async with database.reading() as session:
            return (await session.scalars(newest)).one()

    return turns


@pytest.fixture
def start(change, owner):
    async def start(document=DATASETS, viewer=owner, **variables):
        return await change("startBulkQuery", "id", viewer=viewer, document=document, variables=variables or OLDEST)

    return start


@pytest.fixture
def result(ask, owner):
    async def result(viewer=owner):
        return (await ask(f"{{ bulkQueries {{ nodes {{ {MADE} }} }} }}", viewer=viewer))["bulkQueries"]["nodes"][0]

    return result


@pytest.fixture
def fetched(api):
    async def fetched(url):
        answer = await api.get(urlsplit(url).path)
        assert answer.status_code == 200
        return answer.text

    return fetched


async def test_a_whole_list_is_left_as_lines_and_as_a_table(
    start, turns, result, fetched, datasets, small_pages, database, owner
):
    await start()
    assert (await turns()).state is JobState.DONE
    made = await result()
    assert (made["rowCount"], made["total"], made["isFlat"], made["failure"]) == (7, 7, True, None)
    assert made["job"] == {"state": "DONE", "progress": 1.0}
    lines = [json.loads(line) for line in (await fetched(made["link"])).splitlines()]
    assert [line["name"] for line in lines] == [each.name for each in datasets]
    assert {line["user"]["username"] for line in lines} == {"owner"}
    table = list(csv.reader(StringIO(await fetched(made["csvLink"]))))
    assert table == [
        ["id", "name", "user.username"],
        *([line["id"], line["name"], line["user"]["username"]] for line in lines),
    ]
    async with database.reading() as session:
        [told] = (await session.scalars(select(UserNotification.message))).all()
    assert told == "Your bulk query is ready: 7 rows."


async def test_a_list_below_a_row_with_fragments(start, turns, result, fetched, database, owner, datasets, small_pages):
    aoi = await factories.aoi(database, datasets[0])
    for _ in range(3):
        await factories.label(database, aoi)
    document = """query Labels($id: ID!, $unused: Int) {
        node(id: $id) { ...Area }
        storageUsage { usedBytes }
        datasets: __typename @skip(if: true)
    }
    fragment Area on AOI { labels(first: $unused) { edges { node { ...Shown tags } } } }
    fragment Shown on Label { id geom }"""
    await start(document, id=ids.encode(aoi))
    await turns()
    made = await result()
    assert (made["failure"], made["rowCount"]) == (None, 3)
    for line in (await fetched(made["link"])).splitlines():
        assert json.loads(line).keys() == {"id", "geom", "tags"}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("{ me { username } }", "document"),
        ("{ datasets { nodes { id } } webhooks { nodes { id } } }", "document"),
        ("{ datasets { totalCount } }", "document"),
        ("{ datasets { nodes { nonsense } } }", "document"),
        ("{ datasets { nodes { id }", "document"),
        ('mutation { deleteDataset(input: {id: "a"}) { deletedId } }', "document"),
        ("subscription { bannerChanged { cursor } }", "document"),
        ("query A { datasets { nodes { id } } } query B { webhooks { nodes { id } } }", "document"),
        (" ", "document"),
        ("query ($id: ID!) { node(id: $id) { ... on AOI { labels { nodes { id } } } } }", "variables"),
    ],
)
async def test_what_is_no_bulk_query_is_refused(refuse, owner, document, field):
    refused = await refuse("startBulkQuery", viewer=owner, document=document)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_variables_are_an_object(refuse, owner):
    refused = await refuse("startBulkQuery", viewer=owner, document=DATASETS, variables=[1])
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "variables")
    assert (await refuse("startBulkQuery", document=DATASETS, variables=OLDEST))["code"] == "UNAUTHENTICATED"


async def test_one_runs_at_a_time_and_others_have_their_own(start, refuse, owner, other, turns):
    await start()
    refused = await refuse("startBulkQuery", viewer=owner, document=DATASETS, variables=OLDEST)
    assert refused["code"] == "CONFLICT"
    assert (await start(viewer=other))["__typename"] == "BulkQuery"


async def test_of_two_at_once_one_is_started(start):
    made = await asyncio.gather(*(start() for _ in range(3)))
    assert sorted(each["__typename"] for each in made) == ["BulkQuery", "Conflict", "Conflict"]


async def test_rights_are_asked_at_each_page(start, turns, result, datasets, small_pages, monkeypatch, database, owner):
    monkeypatch.setattr(settings, "bulk_turn_s_max", 1e-6)
    await start()
    await turns(1)
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(is_active=False))
    job = await turns()
    assert (job.state, job.error) == (JobState.FAILED, "The account was closed.")
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(is_active=True))
    made = await result()
    assert (made["failure"], made["link"], made["sizeBytes"]) == ("The account was closed.", None, 0)


async def test_what_is_hidden_meanwhile_is_in_no_later_page(
    start, turns, result, fetched, datasets, small_pages, monkeypatch, database, owner, other
):
    training = await factories.training(database, await factories.model(database, datasets[0]))
    made = [
        await factories.prediction(database, training, published=True, description=f"{number}") for number in range(5)
    ]
    monkeypatch.setattr(settings, "bulk_turn_s_max", 1e-6)
    await start("{ predictions(orderBy: OLDEST) { nodes { description } } }", viewer=other)
    await turns(1)
    async with database.writing() as session:
        hidden = Prediction.id.in_([made[0].id, made[3].id])
        await session.execute(update(Prediction).where(hidden).values(published=False))
    await turns()
    lines = (await fetched((await result(other))["link"])).splitlines()
    assert [json.loads(line)["description"] for line in lines] == ["0", "1", "2", "4"]


async def test_a_killed_worker_costs_one_turn(
    start, turns, result, fetched, datasets, small_pages, monkeypatch, database
):
    monkeypatch.setattr(settings, "bulk_turn_s_max", 1e-6)
    await start()
    await turns(2)
    asked = []
    rows = job_queries.Answers.rows

    async def lose(self, *given, after, is_counted):
        asked.append(after)
        if len(asked) == 1:  # another worker has the job from here on
            async with database.writing() as session:
                await session.execute(update(Job).values(fence=Job.fence + 1, state=JobState.QUEUED))
        return await rows(self, *given, after=after, is_counted=is_counted)

    monkeypatch.setattr(job_queries.Answers, "rows", lose)
    assert (await turns()).state is JobState.DONE
    made = await result()
    names = [json.loads(line)["name"] for line in (await fetched(made["link"])).splitlines()]
    assert names == [each.name for each in datasets]
    assert asked[0] == asked[1]  # the page that was lost is read again, and none before it
    assert asked[0] is not None


async def test_it_is_cancelled_before_and_while_it_runs(
    start, change, turns, result, datasets, small_pages, monkeypatch, owner, refuse, other, tmp_path
):
    id = (await start())["id"]
    assert (await refuse("cancelBulkQuery", viewer=other, id=id))["code"] == "NOT_FOUND"
    await change("cancelBulkQuery", viewer=owner, id=id)
    assert (await result())["failure"] == "Cancelled."
    assert (await refuse("cancelBulkQuery", viewer=owner, id=id))["code"] == "CONFLICT"
    monkeypatch.setattr(settings, "bulk_turn_s_max", 1e-6)
    id = (await start())["id"]
    await turns(1)
    await change("cancelBulkQuery", viewer=owner, id=id)
    assert (await result())["failure"] == "Cancelled."


async def test_an_account_without_room_is_refused(
    start, turns, result, datasets, small_pages, monkeypatch, refuse, owner
):
    await start()
    monkeypatch.setattr(settings, "stored_bytes_per_account_max", 10)
    job = await turns()
    assert job.state is JobState.FAILED
    assert "10 are allowed" in (await result())["failure"]


async def test_what_is_kept_counts_until_it_is_removed(
    start, turns, result, ask, owner, datasets, database, api, tmp_path
):
    await start()
    await turns()
    made = await result()
    used = (await ask("{ storageUsage { usedBytes } }", viewer=owner))["storageUsage"]["usedBytes"]
    kept = [path for path in tmp_path.rglob("bulk/**/*") if path.is_file()]
    assert used == made["sizeBytes"] == sum(path.stat().st_size for path in kept) > 0
    async with database.writing() as session:
        await session.execute(update(BulkQuery).values(expires_at=BulkQuery.created_at))
    assert (await api.get(urlsplit(made["link"]).path)).status_code == 410
    await bulk.remove_old_queries(database)
    assert [path for path in tmp_path.rglob("bulk/**/*") if path.is_file()] == []
    assert (await ask("{ storageUsage { usedBytes } }", viewer=owner))["storageUsage"]["usedBytes"] == 0


async def test_an_empty_list_leaves_an_empty_file(start, turns, result, fetched):
    await start()
    await turns()
    made = await result()
    assert (made["rowCount"], await fetched(made["link"])) == (0, "")


async def test_rows_with_lists_have_no_table(start, turns, result, datasets):
    await start("{ datasets { nodes { id aois { nodes { id } } } } }")
    await turns()
    made = await result()
    assert (made["isFlat"], made["csvLink"]) == (False, None)
    assert made["link"]


async def test_formulas_in_a_table_are_made_harmless(start, turns, result, fetched, database, owner):
    await factories.dataset(database, owner.id, name="=1+1")
    await start("{ datasets { nodes { name } } }")
    await turns()
    assert await fetched((await result())["csvLink"]) == "name\n'=1+1\n"
