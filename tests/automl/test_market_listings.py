"""Offers: what may be sold and for how much, what they show, how they are found, and what buyers say of them."""

import asyncio
from decimal import Decimal

import pytest
from graphql import GRAPHQL_MAX_INT
from sqlalchemy import update

from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.models import NNModel
from resolvers import ids
from tests import factories
from tests.automl.learned import COLOUR, SIZE
from tests.automl.shops import Shop, call, listing_of, machine_of, suspend, usd
from tests.billing.books import give
from tests.plan.fit_automl import FIGURES

SHOWN = """query($kind: ListingKind, $search: String, $max: Decimal, $order: ListingsOrder) {
    listings(kind: $kind, search: $search, priceUsdMax: $max, orderBy: $order) {
        nodes { kind priceUsd isOpen machine { machineName } seller { username } } } }"""


@pytest.fixture
def shop(change, database, owner):
    return Shop(change, database, owner)


@pytest.fixture
def names(ask):
    """The names of the machines that are offered, in their order."""

    async def names(arguments="", viewer=None):
        query = f"{{ listings{arguments} {{ nodes {{ machine {{ machineName }} }} }} }}"
        answer = await ask(query, viewer=viewer)
        assert answer.errors == []
        return [each["machine"]["machineName"] for each in answer["listings"]["nodes"]]

    return names


async def test_a_listing_sets_the_fields_of_the_machine_and_they_set_the_listing(shop, change, database, owner):
    machine = await shop.machine()
    id = await shop.offer(machine, "MACHINE_COPY", "5", updatePriceUsd="1")
    kept = await machine_of(database, ids.encode(machine))
    assert kept.machine_machine_is_duplicatable
    assert (kept.machine_machine_copy_cost_usd, kept.machine_machine_copy_update_cost_usd) == (5, 1)
    given = {"id": ids.encode(machine), "machineMachineCopyCostUsd": "6", "machineMachineCopyUpdateCostUsd": None}
    await change("updateMachine", viewer=owner, **given)
    listing = await listing_of(database, id)
    assert (listing.price_usd, listing.update_price_usd, listing.is_open) == (6, 0, True)
    await change("updateMachine", viewer=owner, id=ids.encode(machine), machineMachineIsDuplicatable=False)
    assert (await listing_of(database, id)).is_open is False


@pytest.mark.parametrize("price", ["0.00009999", "1e-9", "-1", "NaN", "1e30", "1,5", "5 USD", "0.000000001"])
async def test_prices_are_free_or_at_least_the_minimum(shop, refuse, owner, price):
    machine = ids.encode(await shop.machine())
    given = {"machineId": machine, "kind": "DATA_SOURCE", "priceUsd": price}
    assert (await refuse("listMachine", viewer=owner, **given))["code"] in {"INVALID_INPUT", "BAD_REQUEST"}
    changed = {"id": machine, "machineDataSourcePriceUsd": price}
    assert (await refuse("updateMachine", viewer=owner, **changed))["code"] in {"INVALID_INPUT", "BAD_REQUEST"}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("sampleLineCount", {"kind": "API_SOLVING", "sampleLineCount": 1}),
        ("sampleLineCount", {"kind": "DATA_SOURCE", "sampleLineCount": 21}),
        ("sampleLineCount", {"kind": "DATA_SOURCE", "sampleLineCount": -1}),
        ("updatePriceUsd", {"kind": "DATA_SOURCE", "updatePriceUsd": "1"}),
        ("callerLinesPerDayMax", {"kind": "DATA_SOURCE", "callerLinesPerDayMax": 5}),
        ("callerLinesPerDayMax", {"kind": "API_SOLVING", "callerLinesPerDayMax": 0}),
        ("licence", {"kind": "API_SOLVING", "licence": " "}),
        ("summary", {"kind": "API_SOLVING", "summary": "a" * 1001}),
        ("licenceTerms", {"kind": "API_SOLVING", "licenceTerms": "a" * 5_001}),
    ],
)
async def test_what_makes_no_sense_is_refused(shop, refuse, owner, field, given):
    machine = ids.encode(await shop.machine())
    refused = await refuse("listMachine", viewer=owner, machineId=machine, priceUsd="1", **given)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_only_the_owner_offers_and_only_what_is_there(shop, refuse, change, database, owner, other):
    team = await factories.team(database, owner.id, other.id)
    machine = await shop.machine(machine_owner_team_id=team.id)
    given = {"machineId": ids.encode(machine), "kind": "DATA_SOURCE", "priceUsd": "1"}
    assert (await refuse("listMachine", viewer=other, **given))["code"] == "FORBIDDEN"
    id = await shop.offer(machine, "DATA_SOURCE")
    assert (await refuse("unlistMachine", viewer=other, id=id))["code"] == "FORBIDDEN"
    untrained = await factories.machine(database, owner.id, machine_name="New")
    for kind in ("API_SOLVING", "DATA_SOURCE"):
        refused = await refuse("listMachine", viewer=owner, machineId=ids.encode(untrained), kind=kind, priceUsd="1")
        assert refused["code"] == "CONFLICT"


async def test_a_card_shows_a_bounded_sample_of_what_is_for_sale(shop, ask, database, owner, other):
    machine = await shop.machine(lines=8)
    await shop.offer(machine, "DATA_SOURCE", sampleLineCount=2)
    await shop.offer(machine, "API_SOLVING", "0.1")
    async with database.writing() as session:
        profile = {"missing_percentage": 0.0, "distinct": 2, "frequent": 1, "top": [["Red", 7], ["Rare", 1]]}
        notes = {"examples": ["secret"], "issues": []}
        await session.execute(update(MachineColumn).values(profile=profile, notes=notes))
        await session.execute(update(NNModel).values(figures=FIGURES))
    query = """{ listings(orderBy: OLDEST) { nodes { kind lineCount sampleRows metrics { output accuracy }
        columns { name role examples profile { topValues { value count } } } } } }"""
    answers = [(await ask(query, viewer=viewer))["listings"]["nodes"] for viewer in (None, other, other)]
    assert answers[0] == answers[1] == answers[2]
    lines, calls = answers[0]
    assert [row[SIZE] for row in lines["sampleRows"]] == [0.0, 1.0]
    assert lines["sampleRows"][0] == {
        SIZE: 0.0,
        COLOUR: "Red",
        '価格 "when"': "2024-01-01",
        "kind": "Ja",
        "price": 1000.0,
    }
    assert (lines["lineCount"], calls["sampleRows"]) == (8, [])
    assert lines["metrics"] == calls["metrics"] == [{"output": "kind", "accuracy": 1.0}]
    assert lines["columns"][1]["profile"] == {"topValues": [{"value": "Red", "count": 7}]}
    assert [each["profile"] for each in calls["columns"]] == [None] * 6
    assert "secret" not in str(answers)


async def test_more_lines_than_a_number_of_the_api_can_say_are_as_many_as_it_can(shop, ask, database):
    await shop.offer(await shop.machine(lines=1), "DATA_SOURCE")
    async with database.writing() as session:
        many = {"learning_line_count": GRAPHQL_MAX_INT, "evaluation_line_count": GRAPHQL_MAX_INT}
        await session.execute(update(Machine).values(many))
    query = "{ listings { nodes { lineCount } } }"
    assert (await ask(query))["listings"]["nodes"] == [{"lineCount": GRAPHQL_MAX_INT}]


async def test_offers_are_found_and_sorted(shop, names, change, database, owner, other):
    for name, price in (("Oaks", "3"), ("Elms", "1"), ("Oak galls", "2")):
        await shop.offer(await shop.machine(machine_name=name), "DATA_SOURCE", price, summary=f"About {name}.")
    await shop.offer(await shop.machine(machine_name="Ash"), "API_SOLVING", "9", summary="100% oak-free")
    assert await names() == ["Ash", "Oak galls", "Elms", "Oaks"]
    assert await names("(orderBy: CHEAPEST)") == ["Elms", "Oak galls", "Oaks", "Ash"]
    assert await names("(orderBy: DEAREST, first: 2)") == ["Ash", "Oaks"]
    assert await names('(search: "OAK", orderBy: OLDEST)') == ["Oaks", "Oak galls", "Ash"]
    assert await names('(search: "0%", orderBy: OLDEST)') == ["Ash"]
    assert await names("(kind: API_SOLVING)") == ["Ash"]
    assert await names('(priceUsdMax: "1.5")') == ["Elms"]
    assert await names("(level: 2)") == []
    assert await names("(ratingMin: 1)") == []


async def test_a_page_of_prices_goes_on_where_it_ended(shop, ask, owner):
    for name in ("a", "b", "c"):
        await shop.offer(await shop.machine(machine_name=name), "DATA_SOURCE", "0.10000000")
    query = """query($after: String) { listings(first: 1, after: $after, orderBy: CHEAPEST) {
        nodes { machine { machineName } } pageInfo { endCursor hasNextPage } } }"""
    seen, after = [], None
    for _ in range(3):
        page = (await ask(query, after=after))["listings"]
        seen.append(page["nodes"][0]["machine"]["machineName"])
        after = page["pageInfo"]["endCursor"]
    assert (seen, page["pageInfo"]["hasNextPage"]) == (["a", "b", "c"], False)
    broken = await ask(query, after="WyJsaXN0aW5ncyIsIkNIRUFQRVNUIiwxLCIxRTk5OTk5OSJd")
    assert broken.codes == ["BAD_REQUEST"]


async def test_a_suspended_seller_offers_nothing(shop, names, ask, refuse, database, owner, other, staff):
    machine = await shop.machine()
    listing = await shop.offer(machine, "DATA_SOURCE")
    await suspend(database, owner.id)
    assert await names() == await names(viewer=other) == []
    seen = await ask("query($id: ID!) { listing(id: $id) { id } }", viewer=other, id=listing)
    assert seen["listing"] is None
    given = {"machineId": ids.encode(machine), "kind": "DATA_SOURCE", "priceUsd": "1"}
    assert (await refuse("listMachine", viewer=staff, **given))["code"] == "CONFLICT"


async def test_a_closed_offer_is_for_its_owner_and_those_who_bought_it(shop, ask, change, database, owner, other):
    await give(database, other.id, 9)
    third = await factories.user(database, "third")
    listing = await shop.offer(await shop.machine(), "DATA_SOURCE")
    await change("buyListing", viewer=other, id=listing, expectedPriceUsd="5")
    await change("unlistMachine", viewer=owner, id=listing)
    query = "query($id: ID!) { listing(id: $id) { isOpen } }"
    for viewer, shown in ((owner, True), (other, True), (third, False), (None, False)):
        assert ((await ask(query, viewer=viewer, id=listing))["listing"] is not None) is shown
    mine = "{ listings(mineOnly: true) { nodes { isOpen } } }"
    assert (await ask(mine, viewer=owner))["listings"]["nodes"] == [{"isOpen": False}]


async def test_only_who_bought_reviews_and_once(shop, ask, change, refuse, database, owner, other):
    await give(database, other.id, 9)
    listing = await shop.offer(await shop.machine(), "DATA_SOURCE")
    for viewer in (other, owner):
        refused = await refuse("reviewListing", viewer=viewer, id=listing, stars=5)
        assert (refused["code"], "bought" in refused["message"]) == ("CONFLICT", True)
    await change("buyListing", viewer=other, id=listing, expectedPriceUsd="5")
    for stars in (0, 6):
        assert (await refuse("reviewListing", viewer=other, id=listing, stars=stars))["field"] == "stars"
    first = await change("reviewListing", "stars comment", viewer=other, id=listing, stars=5, comment="Good.")
    again = await change("reviewListing", "stars comment", viewer=other, id=listing, stars=2)
    assert (first["id"], again["stars"], again["comment"]) == (again["id"], 2, "")
    shown = """query($id: ID!) { listing(id: $id) { rating reviewsCount buyersCount
        reviews { nodes { stars user { username } } } } }"""
    assert (await ask(shown, id=listing))["listing"] == {
        "rating": 2.0,
        "reviewsCount": 1,
        "buyersCount": 1,
        "reviews": {"nodes": [{"stars": 2, "user": {"username": "other"}}]},
    }
    assert (await refuse("deleteReview", viewer=owner, id=first["id"]))["code"] == "FORBIDDEN"
    await change("deleteReview", viewer=other, id=first["id"])
    assert (await ask(shown, id=listing))["listing"]["reviewsCount"] == 0


async def test_reviews_at_once_are_all_counted(shop, change, database, owner):
    listing = await shop.offer(await shop.machine(), "DATA_SOURCE", "0")
    people = [await factories.user(database, f"buyer{number}") for number in range(4)]
    for each in people:
        await change("buyListing", viewer=each, id=listing, expectedPriceUsd="0")
    await asyncio.gather(
        *(change("reviewListing", viewer=each, id=listing, stars=stars) for stars, each in enumerate(people, 1))
    )
    kept = await listing_of(database, listing)
    assert (kept.reviews_count, kept.rating, kept.buyers_count) == (4, 2.5, 4)


async def test_who_takes_a_machine_over_sells_it(shop, change, api, database, owner, other):
    team = await factories.team(database, owner.id, other.id)
    machine = await shop.machine(machine_owner_team_id=team.id)
    listing = await shop.offer(machine, "API_SOLVING", "0.5")
    await change("transferMachine", viewer=owner, id=ids.encode(machine), userId=ids.encode(other.user))
    assert (await listing_of(database, listing)).seller_id == other.id
    third = await factories.user(database, "third")
    await give(database, third.user.id, 1)
    await call(api, third, machine, [{SIZE: 1}])
    assert (await usd(database, owner.id), await usd(database, other.id)) == (0, Decimal("0.45"))
