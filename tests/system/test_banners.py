"""Announcements: who writes them, who sees which, and that each turn of one is told once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.database import Database
from app.limits.system import BANNER_LENGTH_MAX
from app.models.system import AuditEntry, Banner, Event
from app.policies import Viewer, visible
from app.services.system import banners
from resolvers.ids import encode
from tests import factories
from tests.system.clients import connected

FIELDS = "message startDate endDate"
SHOWN = "{ banners(orderBy: OLDEST) { totalCount nodes { message } } }"
ALL = "{ banners(all: true, orderBy: OLDEST) { nodes { message } } }"
DELETE = "mutation ($id: ID!) { deleteBanner(input: {id: $id}) }"
HEARD = "subscription ($after: String) { bannerChanged(after: $after) { cursor change bannerId banner { message } } }"
HOUR = timedelta(hours=1)


async def banner(database, message, start, end=None, **fields):
    """A banner that starts and ends so many hours from now."""
    now = datetime.now(UTC)
    dates = {"start_date": now + start * HOUR, "end_date": None if end is None else now + end * HOUR}
    return await factories.add(database, Banner(message=message, **dates, **fields))


@pytest.fixture
async def times(database):
    """Banners of every time."""
    return [
        await banner(database, message, *dates)
        for message, dates in {
            "over": (-2, -1),
            "now, with an end": (-1, 1),
            "now, open": (-1, None),
            "to come, with an end": (1, 2),
            "to come, open": (1, None),
        }.items()
    ]


@pytest.fixture
def turns(database):
    """What was told of banners, in order."""

    async def turns():
        async with database.reading() as session:
            found = select(Event.payload).where(Event.topic == banners.TOPIC).order_by(Event.xid, Event.id)
            return [(payload["banner"], payload["change"]) for payload in await session.scalars(found)]

    return turns


async def look(database):
    async with database.writing() as session:
        return await banners.announce_banners(session)


def messages(answer):
    return [node["message"] for node in answer["banners"]["nodes"]]


@pytest.mark.parametrize("person", [None, "owner", "staff"])
async def test_everybody_reads_what_is_shown_now_and_nothing_to_come(ask, owner, staff, times, person):
    viewer = {"owner": owner, "staff": staff, None: None}[person]
    answer = await ask(SHOWN, viewer=viewer)
    assert messages(answer) == ["now, with an end", "now, open"]
    assert answer["banners"]["totalCount"] == 2


async def test_a_banner_says_whether_it_is_shown_now(ask, staff, times):
    answer = await ask("{ banners(all: true, orderBy: OLDEST) { nodes { message isDisplayable } } }", viewer=staff)
    assert {each["message"]: each["isDisplayable"] for each in answer["banners"]["nodes"]} == {
        "over": False,
        "now, with an end": True,
        "now, open": True,
        "to come, with an end": False,
        "to come, open": False,
    }


async def test_staff_alone_may_ask_for_all(ask, owner, staff, times):
    assert messages(await ask(ALL, viewer=staff)) == [each.message for each in times]
    for viewer in (owner, None):
        assert messages(await ask(ALL, viewer=viewer)) == ["now, with an end", "now, open"]


async def test_a_banner_to_come_is_not_found_by_its_id(ask, owner, staff, times):
    node = "query ($id: ID!) { node(id: $id) { ... on Banner { message } } }"
    id = encode(times[-1])
    assert (await ask(node, viewer=owner, id=id)).codes == ["NOT_FOUND"]
    assert (await ask(node, viewer=staff, id=id))["node"] == {"message": "to come, open"}


async def test_the_end_itself_is_not_shown_any_more(database):
    async with database.writing() as session:
        now = await session.scalar(select(banners.func.now()))
        session.add(Banner(message="ends now", start_date=now - HOUR, end_date=now))
        session.add(Banner(message="starts now", start_date=now))
        await session.flush()
        shown = await session.scalars(visible(Banner, Viewer()))
        assert [each.message for each in shown] == ["starts now"]


async def test_staff_write_a_banner_that_begins_at_once(change, ask, database, staff, turns):
    made = await change("createBanner", FIELDS, viewer=staff, message=" We move on Sunday. ")
    assert (made["message"], made["endDate"]) == ("We move on Sunday.", None)
    assert messages(await ask(SHOWN)) == ["We move on Sunday."]
    async with database.reading() as session:
        kept = (await session.scalars(select(Banner))).one()
        noted = (await session.scalars(select(AuditEntry))).one()
    assert (kept.is_announced, kept.user_id) == (True, staff.id)
    assert await turns() == [(kept.id, "STARTED")]
    assert (noted.action, noted.actor_id, noted.subject_key) == ("createBanner", staff.id, kept.id)


async def test_a_banner_to_come_is_not_told_of_yet(change, staff, turns):
    start = (datetime.now(UTC) + HOUR).isoformat()
    await change("createBanner", viewer=staff, message="Soon.", startDate=start)
    assert await turns() == []


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("message", {"message": " "}),
        ("message", {"message": "x" * 501}),
        ("message", {"message": "a\x07b"}),
        ("endDate", {"message": "m", "endDate": "2020-01-01T00:00:00Z"}),
        ("endDate", {"message": "m", "startDate": "2030-01-02T00:00:00Z", "endDate": "2030-01-02T00:00:00Z"}),
        ("endDate", {"message": "m", "startDate": "2019-01-01T00:00:00Z", "endDate": "2020-01-01T00:00:00Z"}),
        ("startDate", {"message": "m", "startDate": "2030-01-02T00:00:00"}),
        ("endDate", {"message": "m", "endDate": "9999-12-31T23:59:59-12:00"}),
        ("startDate", {"message": "m", "startDate": "0001-01-01T00:00:00+14:00"}),
    ],
)
async def test_what_makes_no_sense_is_refused(refuse, staff, field, given):
    refused = await refuse("createBanner", viewer=staff, **given)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_only_staff_write(change, refuse, ask, database, owner, unchanged):
    shown, hidden = await banner(database, "shown", -1), await banner(database, "hidden", 1)
    codes = {None: ("UNAUTHENTICATED",) * 2, owner: ("FORBIDDEN", "NOT_FOUND")}
    for viewer, (of_shown, of_hidden) in codes.items():
        assert (await refuse("createBanner", viewer=viewer, message="Mine."))["code"] == of_shown
        for each, code in ((shown, of_shown), (hidden, of_hidden)):
            refused = await refuse("updateBanner", viewer=viewer, id=encode(each), message="Mine.")
            expected = "NOT_FOUND" if viewer is None and each is hidden else code
            assert refused["code"] == expected
            async with unchanged():
                assert (await ask(DELETE, viewer=viewer, id=encode(each))).codes == [expected]


async def test_a_banner_changes_by_what_is_given(change, database, staff, turns):
    row = await banner(database, "One.", -1, 1, is_announced=True)
    changed = await change("updateBanner", FIELDS, viewer=staff, id=encode(row), message="Two.")
    assert changed["message"] == "Two."
    assert datetime.fromisoformat(changed["startDate"]) == row.start_date
    opened = await change("updateBanner", FIELDS, viewer=staff, id=encode(row), endDate=None)
    assert (opened["message"], opened["endDate"]) == ("Two.", None)
    assert await turns() == [(row.id, "CHANGED")] * 2


async def test_staff_end_a_banner_before_its_time_and_begin_it_again(change, ask, database, staff, turns):
    row = await banner(database, "One.", -2, is_announced=True)
    past, later = datetime.now(UTC) - HOUR, datetime.now(UTC) + HOUR
    await change("updateBanner", viewer=staff, id=encode(row), endDate=past.isoformat())
    assert messages(await ask(SHOWN)) == []
    await change("updateBanner", viewer=staff, id=encode(row), message="Over, still.")
    await change("updateBanner", viewer=staff, id=encode(row), endDate=later.isoformat())
    assert messages(await ask(SHOWN)) == ["Over, still."]
    assert await turns() == [(row.id, "ENDED"), (row.id, "STARTED")]


async def test_an_end_before_the_start_changes_nothing(refuse, database, staff):
    row = await banner(database, "One.", -1)
    for given in ({"endDate": (row.start_date - HOUR).isoformat()}, {"message": ""}):
        assert (await refuse("updateBanner", viewer=staff, id=encode(row), **given))["code"] == "INVALID_INPUT"


async def test_a_deleted_banner_ends_if_it_was_shown(ask, database, staff, turns):
    shown, hidden = await banner(database, "One.", -1, is_announced=True), await banner(database, "Two.", 1)
    for row in (shown, hidden):
        assert (await ask(DELETE, viewer=staff, id=encode(row)))["deleteBanner"] == encode(row)
    assert await turns() == [(shown.id, "ENDED")]
    assert (await ask(DELETE, viewer=staff, id=encode(shown))).codes == ["NOT_FOUND"]


async def test_the_clock_tells_of_each_turn_once(database, turns):
    begun = await banner(database, "begun", -1, 1)
    ended = await banner(database, "ended", -2, -1, is_announced=True)
    await banner(database, "to come", 1)
    await banner(database, "never told of", -2, -1)
    known = await banner(database, "known", -1, is_announced=True)
    assert await look(database) == 2
    assert await look(database) == 0
    assert await turns() == [(begun.id, "STARTED"), (ended.id, "ENDED")]
    async with database.writing() as session:
        await session.execute(update(Banner).where(Banner.id == known.id).values(end_date=datetime.now(UTC)))
    assert await look(database) == 1
    assert (await turns())[2:] == [(known.id, "ENDED")]


async def test_of_many_who_look_at_once_one_tells(database, database_url, redis_url, turns):
    rows = [await banner(database, f"{number}", -1) for number in range(30)]
    others = [Database(database_url, redis_url) for _ in range(4)]
    counts = await asyncio.gather(*(look(each) for each in [database, *others] * 2))
    for each in others:
        await each.close()
    assert sum(counts) == len(rows)
    assert sorted(await turns()) == [(row.id, "STARTED") for row in rows]


async def test_strangers_receive_when_a_banner_starts_changes_and_ends_and_may_come_back(
    live, change, ask, database, staff, redis_url
):
    here = await factories.cursor_of_now(database)
    async with connected(live) as client:
        await client.subscribe(HEARD, after=here)
        soon = (datetime.now(UTC) + HOUR).isoformat()
        await change("createBanner", viewer=staff, message="To come.", startDate=soon)
        made = await change("createBanner", viewer=staff, message="One.")
        started = await client.next()
        cursor = started.pop("cursor")
        assert started == {"change": "STARTED", "bannerId": made["id"], "banner": {"message": "One."}}
    await change("updateBanner", viewer=staff, id=made["id"], message="Two.")
    await ask(DELETE, viewer=staff, id=made["id"])
    async with connected(live) as client:
        await client.subscribe(HEARD, after=cursor)
        told = [await client.next() for _ in range(2)]
    assert [(each["change"], each["bannerId"], each["banner"]) for each in told] == [
        ("CHANGED", made["id"], None),
        ("ENDED", made["id"], None),
    ]


async def test_the_words_may_be_as_long_as_their_column(refuse, staff):
    found = await refuse("createBanner", viewer=staff, message="a" * (BANNER_LENGTH_MAX + 1))
    assert (found["field"], found["message"]) == ("message", "Use 1 to 500 characters; this has 501.")
