"""Lines by the values of columns: equal, in a range, with a part, or missing; names are data."""

import pytest

from app.limits import automl as limits

NAME = "a\"b'->>0"
TABLE = ["n,code,day,y," + '"a""b\'->>0"'] + [
    f"{at / 2},{('007', '7', 'Ja 5%', '')[at % 4]},2024-01-{1 + at:02},k{at % 2},{at}" for at in range(12)
]
DOCUMENT = """query ($id: ID!, $filters: [LineFilterInput!], $after: String, $first: Int = 50) {
    dataInputLines(machineId: $id, filters: $filters, first: $first, after: $after, orderBy: OLDEST) {
        totalCount nodes { inputs outputs } pageInfo { hasNextPage endCursor } } }"""


@pytest.fixture
async def id(make):
    columns = [{"name": "y", "role": "OUTPUT"}, {"name": NAME, "datatype": "FLOAT", "role": "INPUT"}]
    columns += [{"name": "code", "datatype": "LABEL"}, {"name": "n", "datatype": "FLOAT", "role": "INPUT"}]
    return await make("\n".join(TABLE).encode(), columns=columns)


@pytest.fixture
def places(ask, owner, id):
    """The places in the table of the lines that are meant."""

    async def places(*filters, viewer=owner):
        told = (await ask(DOCUMENT, viewer=viewer, id=id, filters=list(filters)))["dataInputLines"]
        assert told["totalCount"] == len(told["nodes"])
        return [int(each["inputs"][NAME]) for each in told["nodes"]]

    return places


async def test_lines_are_found_by_what_their_values_are(places):
    by = {
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11): [],
        (3,): [{"column": "n", "equals": 1.5}],
        (4,): [{"column": "n", "equals": 2}],
        (6,): [{"column": "n", "equals": "3.0"}],
        (0, 4, 8): [{"column": "code", "equals": "007"}],
        (1, 5, 9): [{"column": "code", "equals": 7}],
        (4, 5, 6): [{"column": "n", "atLeast": 2, "atMost": 3.0}],
        (10, 11): [{"column": "day", "atLeast": "2024-01-11"}],
        (2, 6, 10): [{"column": "code", "contains": "A 5%"}],
        (3, 7, 11): [{"column": "code", "isMissing": True}],
        (1, 3): [{"column": "y", "equals": "k1"}, {"column": NAME, "atMost": 4}],
        (5, 9): [{"column": "code", "equals": 7, "isMissing": False}, {"column": "n", "atLeast": 2}],
    }
    for expected, filters in by.items():
        assert (tuple(await places(*filters)), filters) == (expected, filters)
    for nothing in (
        {"column": "n", "equals": "Ja"},
        {"column": "n", "equals": True, "atLeast": 9},
        {"column": "code", "contains": "_"},
        {"column": "code", "atLeast": 5},
        {"column": "n", "equals": [1]},
        {"column": "nobody", "isMissing": True},
        {"column": "nobody'; --", "equals": 1},
    ):
        assert (await places(nothing), nothing) == ([], nothing)


async def test_pages_of_lines_go_on_where_the_last_one_ended(ask, owner, id):
    after, seen = None, []
    while True:
        filters = [{"column": "y", "equals": "k0"}]
        told = (await ask(DOCUMENT, viewer=owner, id=id, filters=filters, first=2, after=after))["dataInputLines"]
        seen += [int(each["inputs"][NAME]) for each in told["nodes"]]
        after = told["pageInfo"]["endCursor"]
        if not told["pageInfo"]["hasNextPage"]:
            break
    assert seen == [0, 2, 4, 6, 8, 10]


async def test_others_find_no_lines_by_their_values(places, other):
    assert await places({"column": "n", "equals": 1.5}, viewer=other) == []


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ([{"column": "n"}], "says nothing of the value"),
        ([{"column": "n", "equals": None}], "says nothing of the value"),
        ([{"column": "n", "isMissing": True}] * (limits.LINE_FILTERS_MAX + 1), "at most 5 filters"),
        ([{"column": "n", "atLeast": [1]}], "a number or a text"),
        ([{"column": "n", "equals": ["x" * 1_000]}], "too long"),
        ([{"column": " ", "equals": 1}], "Use 1 to 500 characters"),
        ([{"column": "n", "contains": "x" * 1_001}], "Use 1 to 1000 characters"),
        ([{"column": "n", "equals": "a\x01b"}], "Control characters"),
    ],
)
async def test_filters_that_mean_nothing_are_refused(ask, owner, id, filters, said):
    told = await ask(DOCUMENT, viewer=owner, id=id, filters=filters)
    assert told["dataInputLines"] is None
    assert said in told.errors[0]["message"]
