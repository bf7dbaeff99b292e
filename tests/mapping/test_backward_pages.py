"""Pages from the end: `last` and `before` walk a list as `first` and `after` do, and say what lies on either side."""

import pytest

from resolvers import ids
from tests import factories
from tests.mapping.test_pages import NAMED, TRAININGS, datasets, trainings  # noqa: F401 - fixtures

PAGE = "nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
ARGUMENTS = "$first: Int, $after: String, $last: Int, $before: String"
GIVEN = "first: $first, after: $after, last: $last, before: $before"
LIST = f"query ({ARGUMENTS}) {{ datasets({GIVEN}, orderBy: NAME) {{ {PAGE} }} }}"


async def walk_back(ask, document: str, *path: str, last: int, **variables) -> list[str]:
    """The ids of a list's rows, gathered page by page from the end."""
    found, before = [], None
    for _ in range(20):
        page = await ask(document, last=last, before=before, **variables)
        assert not page.errors
        for name in path:
            page = page[name]
        found = [*(node["id"] for node in page["nodes"]), *found]
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        if not page["pageInfo"]["hasPreviousPage"]:
            return found
        assert len(page["nodes"]) == last
        before = page["pageInfo"]["startCursor"]
    raise AssertionError("The list has no beginning.")


@pytest.mark.parametrize("last", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("order", NAMED)
async def test_pages_from_the_end_visit_each_once(ask, datasets, order, last):  # noqa: F811
    document = f"""query ($last: Int!, $before: String) {{
        datasets(last: $last, before: $before, orderBy: {order}) {{ {PAGE} }}
    }}"""
    expected = [ids.encode(row) for row in sorted(datasets, key=NAMED[order])]
    assert await walk_back(ask, document, "datasets", last=last) == expected


@pytest.mark.parametrize("last", [1, 2, 3, 8])
@pytest.mark.parametrize("order", TRAININGS)
async def test_rows_without_a_value_come_last_from_the_end_too(ask, owner, trainings, order, last):  # noqa: F811
    page = f"trainings(last: $last, before: $before, orderBy: {order}) {{ {PAGE} }}"
    expected = [ids.encode(row) for row in sorted(trainings, key=TRAININGS[order])]
    listed = f"query ($last: Int!, $before: String) {{ {page} }}"
    assert await walk_back(ask, listed, "trainings", last=last) == expected
    nested = f"query ($id: ID!, $last: Int!, $before: String) {{ user(id: $id) {{ {page} }} }}"
    assert await walk_back(ask, nested, "user", "trainings", last=last, id=ids.encode(owner.user)) == expected


async def test_both_cursors_bound_a_page(ask, datasets):  # noqa: F811
    rows = [ids.encode(row) for row in sorted(datasets, key=NAMED["NAME"])]
    edges = (await ask("{ datasets(first: 7, orderBy: NAME) { edges { cursor node { id } } } }"))["datasets"]["edges"]
    assert [edge["node"]["id"] for edge in edges] == rows
    at = [edge["cursor"] for edge in edges]

    async def page(**given):
        shown = (await ask(LIST, **given))["datasets"]
        info = shown["pageInfo"]
        return [node["id"] for node in shown["nodes"]], info["hasPreviousPage"], info["hasNextPage"]

    assert await page(after=at[0], before=at[6], first=2) == (rows[1:3], True, True)
    assert await page(after=at[0], before=at[6], last=2) == (rows[4:6], True, True)
    assert await page(after=at[0], before=at[6]) == (rows[1:6], True, True)
    assert await page(after=at[3], before=at[2]) == ([], True, True)
    assert await page(before=at[3], first=2) == (rows[:2], False, True)
    assert await page(before=at[3]) == (rows[:3], False, True)
    assert await page(after=at[3], last=2) == (rows[5:], True, False)
    assert await page(last=0) == ([], True, False)
    assert await page() == (rows, False, False)
    assert await page(first=None, last=3) == (rows[4:], True, False)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"first": 1, "last": 1}, "Give `first` or `last`, not both."),
        ({"last": -1}, "`last` must be from 0 to 100; this is -1."),
        ({"last": 101}, "`last` must be from 0 to 100; this is 101."),
        ({"last": 1, "before": "x"}, "`before` is not a cursor from this API."),
        ({"first": 1, "after": "x"}, "`after` is not a cursor from this API."),
    ],
)
async def test_what_makes_no_page_is_refused_before_anything_runs(ask, datasets, given, reason):  # noqa: F811
    answer = await ask(LIST, **given)
    assert answer.codes == ["BAD_REQUEST"]
    assert [error["message"] for error in answer.errors] == [reason]


async def test_a_cursor_of_another_list_or_order_is_refused(ask, datasets):  # noqa: F811
    edges = (await ask("{ datasets(first: 1) { edges { cursor } } }"))["datasets"]["edges"]
    answer = await ask(LIST, last=1, before=edges[0]["cursor"])
    assert [error["message"] for error in answer.errors] == ["`before` is a cursor of another list or another order."]


@pytest.mark.parametrize("info", ["hasNextPage", "hasPreviousPage", "endCursor", "__typename"])
async def test_a_page_has_its_rows_whatever_is_asked_of_it(ask, datasets, info):  # noqa: F811
    rows = [ids.encode(row) for row in sorted(datasets, key=NAMED["NAME"])]
    page = (await ask(f"{{ datasets(last: 2, orderBy: NAME) {{ nodes {{ id }} pageInfo {{ {info} }} }} }}"))["datasets"]
    assert [node["id"] for node in page["nodes"]] == rows[5:]


async def test_last_costs_what_first_costs(ask):
    def cost(arguments: str) -> int:
        return asked[arguments].extensions["cost"]["requested"]

    asked = {
        arguments: await ask(f"{{ datasets({arguments}) {{ nodes {{ id }} }} }}")
        for arguments in ("first: 50", "last: 50", "first: 25", "last: 25", "orderBy: NAME", "first: null, last: 50")
    }
    assert cost("first: 50") == cost("last: 50") == cost("first: null, last: 50") > cost("first: 25")
    assert cost("first: 25") == cost("last: 25") == cost("orderBy: NAME")


@pytest.mark.parametrize("last", [1, 2, 5])
async def test_the_feed_of_friends_is_read_from_the_end_too(ask, database, owner, other, last):
    await factories.befriend(database, owner.id, other.id)
    posts = [
        await factories.post(database, by.id, content=str(n))
        for n, by in enumerate([owner, other, other, owner, other])
    ]
    expected = [ids.encode(post) for post in reversed(posts)]
    document = f"""query ($last: Int!, $before: String) {{
        feed(scope: FRIENDS, last: $last, before: $before) {{ {PAGE} }}
    }}"""

    async def as_owner(text, **variables):
        return await ask(text, viewer=owner, **variables)

    assert await walk_back(as_owner, document, "feed", last=last) == expected


async def test_a_price_is_not_that_of_another_page(ask):
    """Prices are remembered by the variables that they depend on: none of these may pay for another."""
    document = "query ($first: Int, $last: Int) { datasets(first: $first, last: $last) { nodes { id } } }"

    async def cost(**given) -> int:
        return (await ask(document, **given)).extensions["cost"]["requested"]

    both = await ask(document, first=25, last=100)
    assert both.codes == ["BAD_REQUEST"]
    whole, page = await cost(last=100), await cost(first=25)
    assert whole > page
    assert await cost(first=None, last=100) == await cost(first=100) == await cost(first=100, last=None) == whole
    assert await cost(last=25) == await cost() == await cost(first=None, last=None) == page
