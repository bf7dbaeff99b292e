"""A plan asks the database once for each relation and level, whatever the sizes of the pages."""

import pytest

from tests.plan.both import post

STATEMENTS = {
    "one row": ('{ dataset(id: "<one>") { name status createdAt } }', 1),
    "a list and the row behind each of its rows": (
        "{ datasets(PAGE) { nodes { name user { username } } } }",
        2,
    ),
    "lists below lists": (
        """{ datasets(PAGE) { nodes { aois(PAGE) { nodes {
        labels(first: $n) { nodes { tags } } } } } } }""",
        3,
    ),
    "and back up again, since the row may be another": (
        """{ datasets(PAGE) { nodes { user { id } aois(PAGE) { nodes { user { id }
        labels(first: $n) { nodes { aoi { dataset { name } } } } } } } } }""",
        7,
    ),
    "lists side by side": (
        "{ datasets(PAGE) { nodes { aois(first: $n) { nodes { id } } models(first: $n) { nodes { id } } } } }",
        3,
    ),
    "one relation with other arguments": (
        """{ datasets(PAGE) { nodes { a: aois(first: $n) { nodes { id } }
        b: aois(first: $n, orderBy: OLDEST) { nodes { id } } } } }""",
        3,
    ),
    "one relation under several names": (
        """{ datasets(PAGE) { nodes { a: aois(first: $n) { nodes { id } } b: aois(first: $n) { edges { cursor } }
        c: user { id } d: user { username } } } }""",
        3,
    ),
    "one relation in several fragments": (
        """{ datasets(PAGE) { nodes { ...A ...B } } } fragment A on Dataset { user { id } aois(first: $n) {
        nodes { id } } } fragment B on Dataset { user { username } aois(first: $n) { pageInfo { endCursor } } }""",
        3,
    ),
    "nodes, edges and where they lie": (
        "{ datasets(PAGE) { nodes { id } edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }",
        1,
    ),
    "counts": (
        "{ datasets(PAGE) { totalCount nodes { aois(first: $n) { totalCount nodes { id } } } } }",
        4,
    ),
    "counts alone": ("{ datasets(PAGE) { totalCount } }", 1),
    "what resolvers compute": (
        '{ training(id: "<training>") { taskId artifacts(first: $n) { nodes { link } } user { email } } }',
        3,
    ),
    "rows of several types by their ids": (
        '{ nodes(ids: ["<one>", "<north>", "<two>", "<a>", "<south>"]) { id ... on AOI { labels { totalCount } } } }',
        4,
    ),
    "nothing": ("{ __typename me { id } }", 0),
}


@pytest.mark.parametrize("first", [1, 2, 9])
@pytest.mark.parametrize(("selection", "count"), STATEMENTS.values(), ids=STATEMENTS)
async def test_one_for_each_relation_and_level(village, statements, selection, count, first):
    selection = selection.replace("PAGE", "first: $n, orderBy: OLDEST")
    operation, _, fragments = selection.partition(" fragment ")
    declared = "($n: Int!)" if "$n" in selection else ""
    document = f"query {declared} {operation}" + (f" fragment {fragments}" if fragments else "")
    answer = await post(village.both.planned, village.request(document, n=first), None)
    assert "errors" not in answer.json
    assert len(statements) == count, "\n".join(statements)
