"""The demo's people, their teams, and what they say to each other."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from functools import partial

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from rich.console import Console
from sqlalchemy import func, select
from typer.testing import CliRunner
from websockets.asyncio.server import serve as serve_sockets

from app import cli, demo
from app.demo import classifier, client, contract, machine, people
from app.gateways import storage
from app.gateways.fakes.wood import season, stand_in_manager
from app.main import build
from app.models.system import Job, JobState
from app.operations import account_commands
from app.operations.processes.process import CannotStart
from app.services.wildlife.ai_jobs.managers import polling
from app.settings import settings
from jobs import automl as _tables  # noqa: F401 -- registers its jobs
from jobs import wildlife as _jobs  # noqa: F401
from jobs.broker import WORKS
from jobs.run import attempt
from tests.servers import serving_aside
from tests.wildlife import factories

# All that is seen of the community, without the keys and times that differ each time.
COMMUNITY = {
    "posts": """SELECT username, content, type, depth, likes_count, comment_count, shares_count, subject_type
        FROM posts JOIN users ON users.id = author_id ORDER BY posts.id""",
    "hashtags": "SELECT name, count(*) FROM post_hashtags GROUP BY name ORDER BY name",
    "mentions": """SELECT username, count(*) FROM post_mentions JOIN users ON users.id = user_id
        GROUP BY username ORDER BY 1""",
    "friends": """SELECT one.username, other.username AS other FROM friendships
        JOIN users one ON one.id = user_id JOIN users other ON other.id = friend_id ORDER BY 1, 2""",
    "requests": """SELECT one.username, other.username AS other FROM friend_requests
        JOIN users one ON one.id = from_user_id JOIN users other ON other.id = to_user_id ORDER BY 1, 2""",
    "messages": "SELECT content, is_read FROM messages ORDER BY id",
    "conversations": """SELECT one.username, other.username AS other, unread_count FROM conversations
        JOIN users one ON one.id = user_id JOIN users other ON other.id = other_id ORDER BY 1, 2""",
    "notifications": """SELECT username, message, is_read FROM user_notifications JOIN users ON users.id = user_id
        ORDER BY 1, 2, 3""",
    "reports": """SELECT username, reason, evidence, state FROM reports JOIN users ON users.id = user_id
        ORDER BY reports.id""",
    "mutes": "SELECT username FROM mutes JOIN users ON users.id = muted_id",
}
COUNTS = """SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM teams) AS teams,
    (SELECT count(*) FROM datasets) AS datasets, (SELECT count(*) FROM labels) AS labels,
    (SELECT max(id) FROM posts) AS last_post, (SELECT max(id) FROM events) AS last_event"""


@pytest.fixture
def here(database_url, redis_url, monkeypatch):
    monkeypatch.setattr(settings, "redis_url", redis_url)
    monkeypatch.setattr(stand_in_manager, "VISITS", 1)
    # As `up` has it for a demo: the village's imagery is this installation's own.
    monkeypatch.setattr(settings, "outside_hosts_allowed", [f"{settings.host}:{settings.port}"])


@pytest.fixture
def query(here):
    def query(statement):
        url = settings.database_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    return query


@pytest.fixture
async def made(here, made_once):
    """The demo, as it is once it was made."""
    await made_once("demo", partial(demo._make, anew=False))


def community(query):
    return {name: query(statement) for name, statement in COMMUNITY.items()}


def test_two_teams_with_members_are_made_once(query):
    for _ in range(2):
        demo.make()
    members = """SELECT teams.name, admins.username, array_agg(members.username::text ORDER BY members.id) AS members
        FROM teams JOIN users admins ON admins.id = admin_user_id
        JOIN team_memberships ON team_id = teams.id JOIN users members ON members.id = user_id
        GROUP BY teams.id, admins.id ORDER BY teams.id"""
    assert [tuple(row.values()) for row in query(members)] == [
        ("Village mappers", "mapper", ["mapper", "surveyor", "reviewer"]),
        ("Field survey", "surveyor", ["mapper", "surveyor"]),
    ]


def test_whoever_may_be_signed_in_as_is_printed(capsys):
    demo.show()
    said = capsys.readouterr().out
    assert said.startswith("Accounts to sign in with")
    assert all(f"{email}  {demo.PASSWORD}" in said for email in demo.PEOPLE.values())


@pytest.mark.usefixtures("made")
def test_people_talk_make_friends_and_complain(query):
    made = community(query)
    [first] = [post for post in made["posts"] if post["content"].startswith("All roofs")]
    assert (first["likes_count"], first["comment_count"], first["shares_count"]) == (3, 3, 1)
    assert first["subject_type"] == "Dataset"
    assert max(post["depth"] for post in made["posts"]) == 2
    assert {"name": "buildings", "count": 2} in made["hashtags"]
    assert {"username": "surveyor", "count": 2} in made["mentions"]
    assert {"username": "mapper", "other": "surveyor"} in made["friends"]
    assert {"username": "visitor", "other": "mapper"} in made["requests"]
    assert {"username": "mapper", "other": "reviewer", "unread_count": 2} in made["conversations"]
    assert [report["state"] for report in made["reports"]] == ["OPEN"]
    assert {"username": "mapper", "message": "visitor sent you a friend request.", "is_read": False} in made[
        "notifications"
    ]


@pytest.mark.usefixtures("made")
def test_a_second_time_changes_nothing(query):
    before = query(COUNTS), community(query)
    demo.make()
    assert (query(COUNTS), community(query)) == before


async def test_whoever_makes_it_while_somebody_else_does_waits(here, query):
    """As `make demo` does in a second terminal while `make run` begins."""
    await asyncio.gather(demo._make(anew=False), demo._make(anew=False))
    made = query(COUNTS)
    await demo._make(anew=False)
    assert query(COUNTS) == made
    assert query("SELECT count(*) AS projects FROM research_projects") == [{"projects": 1}]


@pytest.mark.usefixtures("made")
def test_what_somebody_deleted_is_not_said_again(query):
    query("DELETE FROM posts WHERE content LIKE 'New imagery%'")
    before = community(query)
    demo.make()
    assert community(query) == before


@pytest.mark.usefixtures("made")
def test_clearing_makes_the_same_anew_whatever_was_done_to_it(query):
    before = community(query)
    query("UPDATE users SET is_active = false WHERE username = 'surveyor'")
    query("""INSERT INTO blocks (user_id, blocked_id, username)
        SELECT one.id, other.id, other.username FROM users one, users other
        WHERE one.username = 'mapper' AND other.username = 'ecologist'""")
    query("UPDATE posts SET content = 'Something else.' WHERE depth = 1")
    query("DELETE FROM friendships")
    demo.make(anew=True)
    assert community(query) == before
    assert query("SELECT count(*) FROM blocks") == [{"count": 0}]


@pytest.mark.usefixtures("made")
def test_clearing_leaves_what_others_have_said(query):
    CliRunner().invoke(
        account_commands.program, ["create", "guest@example.org", "guest"], input="correct horse battery\n"
    )
    counts = "likes_count, comment_count, shares_count"
    query(f"""INSERT INTO posts (author_id, content, type, parent_id, root_id, depth, {counts})
        SELECT guest.id, 'Well drawn.', 'THOUGHTS', posts.id, posts.id, 1, 0, 0, 0 FROM posts, users guest
        WHERE guest.username = 'guest' AND posts.content LIKE 'All roofs%'""")
    demo.make(anew=True)
    assert query("SELECT count(*) FROM posts WHERE content = 'Well drawn.'") == [{"count": 1}]
    assert query("SELECT count(*) FROM posts WHERE content LIKE 'All roofs%'") == [{"count": 1}]


@pytest.mark.parametrize("option", [(), ("--accounts",), ("--clear",)])
def test_there_is_no_demo_in_production(query, monkeypatch, option):
    monkeypatch.setattr(settings, "production", True)
    refused = CliRunner().invoke(cli.program, ["demo", *option])
    assert isinstance(refused.exception, CannotStart)
    assert "no demo in production" in str(refused.exception)
    assert query("SELECT count(*) FROM users") == [{"count": 0}]


async def test_a_lost_connection_is_taken_up_after_the_last_event(monkeypatch, capsys):
    """The first connection breaks, the second is refused, the third ends early, and the fourth tells the end."""
    asked = []

    def event(status, cursor, progress):
        training = {"status": status, "accuracy": 70.0}
        told = {"cursor": cursor, "progress": progress, "message": "Learning", "training": training}
        return {"id": "1", "type": "next", "payload": {"data": {"trainingUpdated": told}}}

    turns = [
        [event("RUNNING", "one", 0.25), event("RUNNING", "two", 0.5)],
        [{"id": "1", "type": "error", "payload": [{"message": "Too much.", "extensions": {"code": "UNAVAILABLE"}}]}],
        [{"id": "1", "type": "complete"}],
        [event("FINISHED", "three", 1.0)],
    ]

    async def serve(socket):
        assert json.loads(await socket.recv())["type"] == "connection_init"
        await socket.send(json.dumps({"type": "connection_ack"}))
        asked.append(json.loads(await socket.recv())["payload"]["variables"]["after"])
        for message in turns[len(asked) - 1]:
            await socket.send(json.dumps(message))

    monkeypatch.setattr(client, "console", Console(force_terminal=False, width=200))
    monkeypatch.setattr(client, "RETRY_S_MAX", 0.01)
    async with serve_sockets(serve, "127.0.0.1", 0, subprotocols=["graphql-transport-ws"]) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr(settings, "public_url", f"http://127.0.0.1:{port}")
        async with httpx.AsyncClient(timeout=60) as http:
            training = await client.Client(http).watch(client.TRAINING, "id", "status accuracy")
    assert training == {"status": "FINISHED", "accuracy": 70.0, "cursor": "three"}
    assert asked == [None, "two", "two", "two"]
    said = capsys.readouterr().out
    assert said.count("Reconnecting") == 3
    assert [line.split() for line in said.splitlines() if "%" in line] == [
        ["25%", "Learning"],
        ["50%", "Learning"],
        ["100%", "Learning"],
        ["100%", "Done"],
    ]


def test_a_camera_trap_project_is_there_with_its_pictures_and_half_of_it_approved(query):
    demo.make()
    demo.make()
    assert query("SELECT name, status FROM research_projects") == [{"name": "Demo wood", "status": "APPROVED"}]
    [project] = query("""SELECT resource_count, approved_count, classified_ai_count FROM classification_projects""")
    media = project["resource_count"]
    assert media == len(season.pictures(stand_in_manager.VISITS)) == project["classified_ai_count"]
    assert project["approved_count"] == (media + 1) // 2
    seen = query("""SELECT DISTINCT scientific_name FROM species JOIN classification_attrs ON species_id = species.id
        ORDER BY scientific_name""")
    assert [row["scientific_name"] for row in seen] == sorted(season.ANIMALS)
    assert query("SELECT count(*) FROM deployment_failures") == [{"count": 1}]
    [key] = query("SELECT preview_key FROM resources ORDER BY id LIMIT 1")
    assert asyncio.run(storage.get(key["preview_key"])).startswith(b"RIFF")


def test_the_stand_in_finds_what_is_drawn_and_nothing_in_other_files():
    picture = next(each for each in season.pictures(stand_in_manager.VISITS) if each.actors)
    content, seen = picture.taken()
    found = stand_in_manager.detections(content)
    assert [each["label"] for each in found] == [
        season.NAMES[each.species] if each.species else each.label
        for each in stand_in_manager.findings_in(picture, seen)
    ]
    known = {
        label["aiLabel"]
        for mapping in stand_in_manager.MODEL["categories"]["attributeMappings"]
        for label in mapping["labels"]
    }
    assert {each["label"] for each in found} <= known
    assert stand_in_manager.detections(b"no picture") == []


@asynccontextmanager
async def working(database):
    """A worker in this process, until the block ends."""
    due = select(Job.id).where(Job.state == JobState.QUEUED, Job.available_at <= func.now()).order_by(Job.id).limit(1)

    async def work():
        while True:
            await polling.wake_due(database)
            async with database.reading() as session:
                id = await session.scalar(due)
                kind = None if id is None else await session.scalar(select(Job.kind).where(Job.id == id))
            if id is None:
                await asyncio.sleep(0.05)
            else:
                await attempt(database, WORKS[kind], id, asyncio.Event())

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_contract_is_made_and_paid_through_the_api_alone(here, database, query, monkeypatch, capsys):
    monkeypatch.setattr(client, "console", Console(force_terminal=False, width=200))
    monkeypatch.setattr(contract, "console", client.console)
    async with database.writing() as session:
        await people.make(session)
    async with serving_aside(build().app) as server:
        monkeypatch.setattr(settings, "public_url", server.url)
        await asyncio.to_thread(demo.run, [demo.Part.CONSULTING])
    said = capsys.readouterr().out
    assert "4 FINISHED: 120.00 USD were paid, of which the platform keeps 12.00 USD" in said
    assert query("SELECT state, released_usd::text AS usd FROM consulting_requests") == [
        {"state": "FINISHED", "usd": "120.00000000"}
    ]


async def test_a_memory_card_becomes_a_package_through_the_api_alone(
    here, database, query, monkeypatch, tmp_path, capsys
):
    """Without any outside service: the local detector and the demo's own manager look at what a camera wrote."""
    monkeypatch.setattr(settings, "demo", True)
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(client, "console", Console(force_terminal=False, width=200))
    monkeypatch.setattr(stand_in_manager, "VISITS", 3)
    monkeypatch.setattr(classifier, "VISITS", 1)
    await factories.local_detector(database)
    for name in season.ANIMALS:
        await factories.species(database, name)
    async with database.writing() as session:
        await people.make(session)
    async with serving_aside(build().app) as server, working(database):
        monkeypatch.setattr(settings, "public_url", server.url)
        monkeypatch.setattr(settings, "outside_hosts_allowed", [server.host])
        await asyncio.to_thread(demo.run, [demo.Part.WILDLIFE])
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line[:1].isdigit()]
    assert [line.split()[0] for line in lines] == [str(number) for number in range(1, 11)]
    [project] = query("""SELECT resource_count, approved_count, classified_ai_count FROM classification_projects
        WHERE name = 'Who was there?'""")
    assert project == {"resource_count": 12, "approved_count": 12, "classified_ai_count": 6}
    assert "9 No classifier: A classifier needs at least 2 species with 30 approved crops each." in said
    assert "6 read, 0 unreadable, 0 duplicates" in said
    # What the ecologist corrected is what is drawn.
    named = query("""SELECT DISTINCT scientific_name FROM classifications final
        JOIN classification_attrs ON classification_id = final.source_id JOIN species ON species_id = species.id
        WHERE final.is_approved ORDER BY 1""")
    assert [row["scientific_name"] for row in named] == ["Capreolus capreolus", "Sus scrofa"]
    assert "2 of 6 are wrong" in said
    [export] = query("SELECT status, counts FROM wildlife_exports")
    assert (export["status"], export["counts"]["media"]) == ("FINISHED", 12)
    assert "Read back and checked: 12 media, 0 errors, 0 warnings." in said


async def test_a_table_becomes_a_machine_through_the_api_alone(here, database, query, monkeypatch, tmp_path, capsys):
    """Drawn from a seed, so that it is known how good a machine can be: the noise is what is left."""
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(client, "console", Console(force_terminal=False, width=200))
    # Enough for a linear model, which is the truth here; trees and networks would take as long as there is.
    monkeypatch.setattr(machine, "BUDGET_S", 2)
    async with database.writing() as session:
        await people.make(session)
    async with serving_aside(build().app) as server, working(database):
        monkeypatch.setattr(settings, "public_url", server.url)
        await asyncio.to_thread(demo.run, [demo.Part.MACHINE])
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if line[:1].isdigit()] == ["1", "2", "3", "4", "5", "6"]
    slopes = [float(each) for each in re.findall(r"Slope ([\d.]+)", said)]
    assert slopes == pytest.approx([1.5] * 3, abs=0.2)
    [version] = query("SELECT figures FROM nn_models")
    [output] = version["figures"]["outputs"]
    assert machine.NOISE * 0.75 < output["figures"]["rmse"] < machine.NOISE * 1.35
    scores = {line["name"]: line["score"] for line in output["leaderboard"]}
    assert output["figures"]["rmse"] < scores["constant"] / 2
    importance = {each["name"]: each["share"] for each in output["importance"]}
    assert importance["sun hours"] > 0.5
    assert importance["surveyed"] < 0.1


async def test_a_seller_and_a_buyer_trade_through_the_api_alone(here, database, query, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(client, "console", Console(force_terminal=False, width=200))
    async with database.writing() as session:
        await people.make(session)
    async with serving_aside(build().app) as server, working(database):
        monkeypatch.setattr(settings, "public_url", server.url)
        await asyncio.to_thread(demo.run, [demo.Part.MARKET])
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if line[:1].isdigit()] == ["1", "2", "3", "4"]
    assert "Of 20 US dollars 7.00 are left" in said
    bought = query("SELECT kind, state FROM purchases ORDER BY id")
    assert [(row["kind"], row["state"]) for row in bought] == [
        ("DATA_SOURCE", "COMPLETED"),
        ("MACHINE_COPY", "COMPLETED"),
    ]
