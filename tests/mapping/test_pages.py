"""Pages: every row once, in the order asked for, and one statement for all the pages of a level."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from app.models.mapping.trainings import TrainingStatus
from resolvers import ids
from tests import factories

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PAGE = "nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor }"
# Whatever the order, ids break ties and rows without a value come last.
NAMED = {
    "NEWEST": lambda row: -row.id,
    "OLDEST": lambda row: row.id,
    "LAST_MODIFIED": lambda row: (-row.last_modified.timestamp(), -row.id),
    "NAME": lambda row: (row.name, row.id),
}
TRAININGS = {
    "NEWEST": lambda row: -row.id,
    "OLDEST": lambda row: row.id,
    "ACCURACY": lambda row: (row.accuracy is None, -(row.accuracy or 0), -row.id),
}


async def walk(ask, document: str, *path: str, first: int, **variables) -> list[str]:
    """The ids of a list's rows, gathered page by page."""
    found, after = [], None
    for _ in range(20):
        answer = await ask(document, first=first, after=after, **variables)
        assert not answer.errors
        page = answer
        for name in path:
            page = page[name]
        found += [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
    raise AssertionError("The list has no end.")


@pytest.fixture
async def datasets(database, owner):
    """Seven of them; some share a name, some the date of their last change."""
    rows = zip("bacabcb", (3, 1, 1, 2, 1, 3, 1), strict=True)
    return [
        await factories.dataset(database, owner.id, name=name, last_modified=LONG_AGO + timedelta(days=day))
        for name, day in rows
    ]


@pytest.fixture
async def trainings(database, owner):
    """Eight of them in one model; some share an accuracy, some have none."""
    model = await factories.model(database, await factories.dataset(database, owner.id))
    return [
        await factories.training(database, model, accuracy=accuracy, status=TrainingStatus.FINISHED)
        for accuracy in (50.0, None, 70.5, 50.0, None, 0.0, 70.5, None)
    ]


@pytest.mark.parametrize("first", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("order", NAMED)
async def test_pages_of_datasets_visit_each_once(ask, datasets, order, first):
    document = f"""query ($first: Int!, $after: String) {{
        datasets(first: $first, after: $after, orderBy: {order}) {{ {PAGE} }}
    }}"""
    expected = [ids.encode(row) for row in sorted(datasets, key=NAMED[order])]
    assert await walk(ask, document, "datasets", first=first) == expected


@pytest.mark.parametrize("first", [1, 2, 3, 8])
@pytest.mark.parametrize("order", TRAININGS)
async def test_pages_of_trainings_visit_each_once_even_those_without_accuracy(ask, trainings, order, first):
    document = f"""query ($first: Int!, $after: String) {{
        trainings(first: $first, after: $after, orderBy: {order}) {{ {PAGE} }}
    }}"""
    expected = [ids.encode(row) for row in sorted(trainings, key=TRAININGS[order])]
    assert await walk(ask, document, "trainings", first=first) == expected


@pytest.mark.parametrize("first", [1, 3, 8])
@pytest.mark.parametrize("order", TRAININGS)
async def test_nested_pages_visit_each_once(ask, owner, trainings, order, first):
    document = f"""query ($id: ID!, $first: Int!, $after: String) {{
        user(id: $id) {{ trainings(first: $first, after: $after, orderBy: {order}) {{ {PAGE} }} }}
    }}"""
    expected = [ids.encode(row) for row in sorted(trainings, key=TRAININGS[order])]
    found = await walk(ask, document, "user", "trainings", first=first, id=ids.encode(owner.user))
    assert found == expected


async def test_a_row_added_meanwhile_moves_no_other(ask, database, owner, datasets):
    document = f"query ($after: String) {{ datasets(first: 3, after: $after) {{ {PAGE} }} }}"
    first = (await ask(document))["datasets"]
    await factories.dataset(database, owner.id, name="late")
    second = (await ask(document, after=first["pageInfo"]["endCursor"]))["datasets"]
    newest = [ids.encode(row) for row in reversed(datasets)]
    assert [node["id"] for node in first["nodes"] + second["nodes"]] == newest[:6]


async def test_a_page_names_its_ends_and_the_whole_count(ask, datasets):
    page = (
        await ask(
            """{ datasets(first: 2) {
                totalCount edges { cursor node { name } } nodes { name }
                pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
            } }"""
        )
    )["datasets"]
    cursors = [edge["cursor"] for edge in page["edges"]]
    assert page["totalCount"] == 7
    assert [edge["node"] for edge in page["edges"]] == page["nodes"] == [{"name": "b"}, {"name": "c"}]
    assert page["pageInfo"] == {
        "startCursor": cursors[0],
        "endCursor": cursors[1],
        "hasNextPage": True,
        "hasPreviousPage": False,
    }


async def test_a_page_of_nothing_has_no_ends(ask, datasets):
    page = (await ask("{ datasets(first: 0) { nodes { id } pageInfo { hasNextPage startCursor endCursor } } }"))[
        "datasets"
    ]
    assert page == {"nodes": [], "pageInfo": {"hasNextPage": True, "startCursor": None, "endCursor": None}}


@pytest.mark.parametrize("first", [-1, 101, 2_147_483_647])
async def test_a_page_has_at_most_a_hundred_rows(ask, datasets, first):
    answer = await ask("query ($first: Int!) { datasets(first: $first) { nodes { id } } }", first=first)
    assert answer.codes in (["BAD_REQUEST"], ["COST_EXCEEDED"])
    assert not answer


async def test_a_page_of_labels_has_at_most_a_thousand(ask, database, owner):
    aoi = await factories.aoi(database, await factories.dataset(database, owner.id))
    document = "query ($id: ID!, $first: Int!) { aoi(id: $id) { labels(first: $first) { nodes { id } } } }"
    assert (await ask(document, id=ids.encode(aoi), first=1_000))["aoi"] == {"labels": {"nodes": []}}
    assert (await ask(document, id=ids.encode(aoi), first=1_001)).codes == ["BAD_REQUEST"]


def forged(*key: object) -> str:
    return urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


FORGED = [
    ("NEWEST", ""),
    ("NEWEST", "not a cursor"),
    ("NEWEST", "ünïcode"),
    ("NEWEST", "NQ"),  # 5
    ("NEWEST", "bnVsbA"),  # null
    ("NEWEST", forged()),
    ("NEWEST", forged("datasets", "NEWEST")),
    ("NEWEST", forged("datasets", "NEWEST", "5")),
    ("NEWEST", forged("datasets", "NEWEST", True)),
    ("NEWEST", forged("datasets", "NEWEST", -5)),
    ("NEWEST", forged("datasets", "NEWEST", 2**63)),
    ("NEWEST", forged("datasets", "NEWEST", 5, "a")),
    ("NEWEST", forged("NEWEST", 5)),
    ("NEWEST", forged("posts", "NEWEST", 5)),
    ("NEWEST", forged("datasets", "NEWEST", 5.0)),
    ("NEWEST", f"{forged('datasets', 'NEWEST', 5)}="),
    ("NEWEST", f"{forged('datasets', 'NEWEST', 5)}!!"),
    ("NEWEST", forged("datasets", "OLDEST", 5)),
    ("NEWEST", forged("datasets", "NAME", 5, "a")),
    ("NAME", forged("datasets", "NEWEST", 5)),
    ("NAME", forged("datasets", "NAME", 5)),
    ("NAME", forged("datasets", "NAME", 5, None)),
    ("NAME", forged("datasets", "NAME", 5, 7)),
    ("NAME", forged("datasets", "NAME", 5, ["a"])),
    ("NAME", forged("datasets", "NAME", 5, {"a": "b"})),
    ("NAME", forged("datasets", "NAME", 5, "a\0")),
    ("NAME", forged("datasets", "NAME", 5, "a", "b")),
    ("LAST_MODIFIED", forged("datasets", "LAST_MODIFIED", 5, "yesterday")),
    ("LAST_MODIFIED", forged("datasets", "LAST_MODIFIED", 5, 1_600_000_000)),
    ("LAST_MODIFIED", forged("datasets", "LAST_MODIFIED", 5, "2020-01-01T00:00:00")),
    ("LAST_MODIFIED", forged("datasets", "LAST_MODIFIED", 5, "2020-01-01T00:00:00+01:00")),
    ("LAST_MODIFIED", forged("datasets", "LAST_MODIFIED", 5, "2020-01-01 00:00:00+00:00")),
]


async def test_a_cursor_we_did_not_give_is_refused_in_words(ask, datasets):
    for order, cursor in FORGED:
        document = f"query ($after: String) {{ datasets(after: $after, orderBy: {order}) {{ nodes {{ id }} }} }}"
        answer = await ask(document, after=cursor)
        assert answer.codes == ["BAD_REQUEST"], cursor
        assert answer.errors[0]["message"].startswith("`after` is ")


async def test_a_cursor_of_accuracies_holds_a_number(ask, trainings):
    document = "query ($after: String) { trainings(after: $after, orderBy: ACCURACY) { nodes { id } } }"
    for value in ("70", "NaN", True, 70, [70.5]):
        assert (await ask(document, after=forged("trainings", "ACCURACY", 5, value))).codes == ["BAD_REQUEST"], value


NESTED = """
query ($first: Int!) {
    datasets(first: $first) {
        totalCount
        nodes {
            user { username }
            aois(first: 2) { totalCount nodes { user { id } labels(first: 2) { totalCount nodes { id } } } }
            models(first: 2) {
                nodes {
                    publishedTraining { accuracy }
                    trainings(first: 2) { nodes { job { state } artifacts(first: 2) { nodes { name link } } } }
                }
            }
        }
    }
}
"""


@pytest.fixture
async def grown(database, owner):
    """Six datasets, each with three areas of three labels, and three models of three trainings."""
    for _ in range(6):
        dataset = await factories.dataset(database, owner.id)
        for _ in range(3):
            aoi = await factories.aoi(database, dataset)
            model = await factories.model(database, dataset)
            for _ in range(3):
                await factories.label(database, aoi)
                job = await factories.job(database)
                training = await factories.training(database, model, status=TrainingStatus.FINISHED, job_id=job.id)
                await factories.artifact(database, training_id=training.id)


async def test_the_number_of_statements_does_not_grow_with_the_page(ask, grown, statements):
    sent = []
    for first in (1, 6):
        statements.clear()
        answer = await ask(NESTED, first=first)
        assert not answer.errors
        assert len(answer["datasets"]["nodes"]) == first
        sent.append(len(statements))
    assert sent[0] == sent[1]
    assert sent[0] <= 14  # one for each selected relation and count


async def test_each_parent_has_a_page_of_its_own(ask, grown):
    nodes = (await ask(NESTED, first=6))["datasets"]["nodes"]
    assert [len(node["aois"]["nodes"]) for node in nodes] == [2] * 6
    assert [aoi["labels"]["totalCount"] for node in nodes for aoi in node["aois"]["nodes"]] == [3] * 12
    assert [len(model["trainings"]["nodes"]) for node in nodes for model in node["models"]["nodes"]] == [2] * 12


async def test_a_count_that_is_not_asked_for_is_not_made(ask, datasets, statements):
    statements.clear()
    await ask("{ datasets { nodes { id } } }")
    assert not [statement for statement in statements if "count(" in statement]
    await ask("{ datasets { totalCount } }")
    assert len([statement for statement in statements if "count(" in statement]) == 1


async def test_pages_of_one_list_may_differ_in_one_request(ask, owner, trainings):
    document = """query ($id: ID!) { user(id: $id) {
        best: trainings(first: 1, orderBy: ACCURACY) { nodes { accuracy } }
        oldest: trainings(first: 2, orderBy: OLDEST) { nodes { accuracy } }
    } }"""
    assert (await ask(document, id=ids.encode(owner.user)))["user"] == {
        "best": {"nodes": [{"accuracy": 70.5}]},
        "oldest": {"nodes": [{"accuracy": 50.0}, {"accuracy": None}]},
    }
