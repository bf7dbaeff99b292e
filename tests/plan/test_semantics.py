"""The corners of GraphQL that a random search seldom turns: each answered alike by the plan and by graphql-core."""

import json

import pytest

from tests.plan.both import Answer

SELECTIONS = {
    "a key that fragments ask for in several places is one object": (
        """{ dataset(id: "<one>") { user { id } ...A ... on Node { ...B } } }
        fragment A on Dataset { name user { username } aois(first: 1) { totalCount } }
        fragment B on Dataset { aois(first: 1) { nodes { id } } user { id isStaff } }""",
        {
            "dataset": {
                "user": {"id": "<owner>", "username": "owner", "isStaff": False},
                "name": "One",
                "aois": {"totalCount": 2, "nodes": [{"id": "<south>"}]},
            }
        },
    ),
    "arguments in another order are the same arguments": (
        """{ dataset(id: "<one>") { aois(first: 1, orderBy: OLDEST) { nodes { id } }
        aois(orderBy: OLDEST, first: 1) { nodes { labelStatus } } } }""",
        {"dataset": {"aois": {"nodes": [{"id": "<north>", "labelStatus": "NOT_DOWNLOADED"}]}}},
    ),
    "one relation under two aliases is two lists": (
        """{ dataset(id: "<one>") { old: aois(first: 1, orderBy: OLDEST) { nodes { id } }
        new: aois(first: 1) { nodes { id labelError } } all: aois { totalCount } } }""",
        {
            "dataset": {
                "old": {"nodes": [{"id": "<north>"}]},
                "new": {"nodes": [{"id": "<south>", "labelError": None}]},
                "all": {"totalCount": 2},
            }
        },
    ),
    "an alias may be the name of another field": (
        '{ dataset(id: "<one>") { id: name name: id user: status status: user { id: username } } }',
        {"dataset": {"id": "One", "name": "<one>", "user": "DRAFT", "status": {"id": "owner"}}},
    ),
    "nodes and edges show the same rows": (
        """{ dataset(id: "<one>") { aois(first: 1) { edges { node { id } } nodes { labelStatus }
        edges { node { labelStatus } } } } }""",
        {
            "dataset": {
                "aois": {
                    "edges": [{"node": {"id": "<south>", "labelStatus": "NOT_DOWNLOADED"}}],
                    "nodes": [{"labelStatus": "NOT_DOWNLOADED"}],
                }
            }
        },
    ),
    "an empty page says what comes before and after it": (
        """{ dataset(id: "<one>") { aois(first: 0) { nodes { id }
        pageInfo { hasNextPage hasPreviousPage endCursor } } } }""",
        {
            "dataset": {
                "aois": {
                    "nodes": [],
                    "pageInfo": {"hasNextPage": True, "hasPreviousPage": False, "endCursor": None},
                }
            }
        },
    ),
    "a count needs no page": (
        '{ datasets { totalCount } dataset(id: "<two>") { aois(first: 0) { totalCount } models { totalCount } } }',
        {"datasets": {"totalCount": 3}, "dataset": {"aois": {"totalCount": 1}, "models": {"totalCount": 0}}},
    ),
    "one row under several parents is shown under each": (
        """{ label(id: "<a>") { aoi { labels(first: 2, orderBy: OLDEST) {
        nodes { id aoi { id dataset { name } } } } } } }""",
        {
            "label": {
                "aoi": {
                    "labels": {
                        "nodes": [
                            {"id": "<a>", "aoi": {"id": "<north>", "dataset": {"name": "One"}}},
                            {"id": "<b>", "aoi": {"id": "<north>", "dataset": {"name": "One"}}},
                        ]
                    }
                }
            }
        },
    ),
    "a row that may not be seen is null": (
        '{ dataset(id: "<orphan>") { name user { id } } me { id } }',
        {"dataset": {"name": "Orphan", "user": None}, "me": None},
    ),
    "every level has a type name": (
        """{ __typename dataset(id: "<one>") { __typename aois(first: 1) { __typename edges { __typename }
        pageInfo { __typename } nodes { t: __typename } } } }""",
        {
            "__typename": "Query",
            "dataset": {
                "__typename": "Dataset",
                "aois": {
                    "__typename": "AOIConnection",
                    "edges": [{"__typename": "AOIEdge"}],
                    "pageInfo": {"__typename": "PageInfo"},
                    "nodes": [{"t": "AOI"}],
                },
            },
        },
    ),
    "fragments on interfaces take what fits": (
        """{ nodes(ids: ["<north>", "<one>", "<a>", "<one>"]) { __typename ... on Node { id } ... on Dataset { name }
        ... on AOI { labels { totalCount } } ... on Label { tags } } }""",
        {
            "nodes": [
                {"__typename": "AOI", "id": "<north>", "labels": {"totalCount": 3}},
                {"__typename": "Dataset", "id": "<one>", "name": "One"},
                {"__typename": "Label", "id": "<a>", "tags": {"name": "a"}},
                {"__typename": "Dataset", "id": "<one>", "name": "One"},
            ]
        },
    ),
    "a single value is a list of one": ('{ nodes(ids: "<one>") { id } }', {"nodes": [{"id": "<one>"}]}),
    "an object without fields is still there": (
        """{ dataset(id: "<one>") { name @skip(if: true) aois(first: 2) { nodes { id @include(if: false) } } }
        datasets @skip(if: true) { totalCount } }""",
        {"dataset": {"aois": {"nodes": [{}, {}]}}},
    ),
    "a row that is asked for nothing has to be there all the same": (
        '{ label(id: "<a>") { aoi { id @skip(if: true) } } }',
        {"label": {"aoi": {}}},
    ),
    "quotes and signs are looked for as they are": (
        r'{ a: datasets(search: "\"two\" 100 %") { nodes { name } } b: datasets(search: "100_%") { totalCount } }',
        {"a": {"nodes": [{"name": '"Two" 100 %'}]}, "b": {"totalCount": 0}},
    ),
    "null for what may be null is as if it was left out": (
        '{ datasets(status: null, after: null, search: null, userId: "<owner>") { nodes { name } } }',
        {"datasets": {"nodes": [{"name": "One"}]}},
    ),
}


@pytest.mark.parametrize(("document", "data"), SELECTIONS.values(), ids=SELECTIONS)
async def test_selections(village, document, data):
    answer = await village.ask(document)
    expected = json.dumps(data)
    for name, id in village.ids.items():
        expected = expected.replace(f"<{name}>", id)
    assert answer.json["data"] == json.loads(expected)
    assert json.dumps(answer.json["data"]) == json.dumps(json.loads(expected)), "the keys have another order"
    assert "errors" not in answer.json


def paths(answer: Answer) -> list[tuple[str, str]]:
    """Where its errors are, in their order, and with which code."""
    return [(".".join(map(str, each["path"])), each["extensions"]["code"]) for each in answer.json["errors"]]


async def test_a_row_of_a_type_that_nothing_is_selected_of_is_an_empty_object(village):
    document = """{ classificationProject(id: "<project of the wood>") {
        detectionProvider { ... on LocalAIProvider { remoteId } } speciesProvider { id } } }"""
    answer = await village.ask(document, "owner")
    assert answer.json["data"] == {"classificationProject": {"detectionProvider": {}, "speciesProvider": None}}


async def test_what_a_list_is_joined_with_is_read_again_by_its_rows(village):
    answer = await village.ask('{ posts(hashtag: "roofs") { nodes { hashtags } } }')
    assert "errors" not in answer.json


FAILURES = {
    "one that may be null stays alone": (
        '{ a: dataset(id: "x") { id } b: dataset(id: "<one>") { name } c: model(id: "<one>") { id } }',
        {"a": None, "b": {"name": "One"}, "c": None},
        [("a", "NOT_FOUND"), ("c", "NOT_FOUND")],
    ),
    "one that may not takes the object around it": (
        '{ aoi(id: "<torn>") { id dataset { name } } dataset(id: "<one>") { name } }',
        {"aoi": None, "dataset": {"name": "One"}},
        [("aoi.dataset", "INTERNAL")],
    ),
    "one in a list takes its item": (
        '{ nodes(ids: ["<torn>", "<north>"]) { ... on AOI { dataset { name } } } }',
        {"nodes": [None, {"dataset": {"name": "One"}}]},
        [("nodes.0.dataset", "INTERNAL")],
    ),
    "one in a page takes all around the page": (
        '{ training(id: "<broken>") { status artifacts { nodes { link } } } me { id } }',
        {"training": None, "me": None},
        [("training.artifacts.nodes.0.link", "INTERNAL")],
    ),
    "one takes nothing from others that share a row with it": (
        """{ a: training(id: "<broken>") { user { id } artifacts { nodes { link } } }
        b: training(id: "<broken>") { user { username } } }""",
        {"a": None, "b": {"user": {"username": "owner"}}},
        [("a.artifacts.nodes.0.link", "INTERNAL")],
    ),
    "one at the root takes its own field": (
        '{ dataset(id: "<one>") { name } notifications { totalCount } }',
        {"dataset": {"name": "One"}, "notifications": None},
        [("notifications", "UNAUTHENTICATED")],
    ),
    "what nobody foresaw is masked": (
        '{ training(id: "<broken>") { artifacts { nodes { link } } } }',
        {"training": None},
        [("training.artifacts.nodes.0.link", "INTERNAL")],
    ),
    "what is no number is none": (
        '{ training(id: "<broken>") { accuracy status } }',
        {"training": {"accuracy": None, "status": "FAILED"}},
        [("training.accuracy", "BAD_REQUEST")],
    ),
    "a number is an id of nothing": ("{ dataset(id: 1) { id } }", {"dataset": None}, [("dataset", "NOT_FOUND")]),
    "nothing is asked of a filter that names another type": (
        '{ datasets(userId: "<one>") { totalCount } }',
        {"datasets": None},
        [("datasets", "NOT_FOUND")],
    ),
    "strangers have no notifications": (
        "{ notifications { totalCount } }",
        {"notifications": None},
        [("notifications", "UNAUTHENTICATED")],
    ),
    "a list of which nothing is shown is refused all the same": (
        "{ notifications { nodes @skip(if: true) { id } } }",
        {"notifications": None},
        [("notifications", "UNAUTHENTICATED")],
    ),
}


@pytest.mark.parametrize(("document", "data", "errors"), FAILURES.values(), ids=FAILURES)
async def test_failures(village, document, data, errors):
    answer = await village.ask(document)
    assert answer.json["data"] == data
    assert paths(answer) == errors


async def test_a_document_is_answered_anew_for_every_choice_of_its_directives(village):
    document = """query ($more: Boolean!, $less: Boolean = false) { dataset(id: "<one>") {
        name @skip(if: $less) ...More @include(if: $more) } }
        fragment More on Dataset { status @skip(if: $less) user @include(if: $more) { username } }"""
    full = {"name": "One", "status": "DRAFT", "user": {"username": "owner"}}
    for more, less, shown in (
        (True, False, full),
        (False, False, {"name": "One"}),
        (True, True, {"user": full["user"]}),
        (False, True, {}),
        (True, False, full),
    ):
        assert (await village.ask(document, more=more, less=less)).json["data"] == {"dataset": shown}
    assert (await village.ask(document, more=True)).json["data"] == {"dataset": full}
    assert (await village.ask(document, more=True, less=None)).json["data"] == {"dataset": None}


async def test_a_document_is_answered_anew_for_every_viewer(village):
    document = "query ($first: Int) { predictions(first: $first) { totalCount nodes { id } } me { username email } }"
    mine, theirs, shown = ({"id": village.ids[name]} for name in ("mine", "theirs", "shown"))
    for viewer, nodes in ((None, [shown]), ("owner", [shown, mine]), ("other", [shown, theirs]), (None, [shown])):
        me = viewer and {"username": viewer, "email": f"{viewer}@fieldgraph.test"}
        answer = await village.ask(document, viewer, first=10)
        assert answer.json["data"] == {"predictions": {"totalCount": len(nodes), "nodes": nodes}, "me": me}


async def test_what_a_notification_is_about_is_shown_to_whoever_may_see_it(village):
    document = "{ notifications { nodes { user { username } subject { __typename id ... on Dataset { name } } } } }"
    subject = {"__typename": "Dataset", "id": village.ids["one"], "name": "One"}
    user = {"username": "owner"}
    assert (await village.ask(document, "owner")).json["data"] == {
        "notifications": {"nodes": [{"user": user, "subject": subject}, {"user": user, "subject": None}]}
    }
    assert (await village.ask(document, "other")).json["data"] == {"notifications": {"nodes": []}}


async def test_an_operation_is_chosen_by_its_name(village):
    document = """query A { dataset(id: "<one>") { ...F } } query B { dataset(id: "<two>") { ...F status } }
        fragment F on Dataset { id }"""
    one, two = village.ids["one"], village.ids["two"]
    assert (await village.ask(document, operation="A")).json["data"] == {"dataset": {"id": one}}
    assert (await village.ask(document, operation="B")).json["data"] == {"dataset": {"id": two, "status": "DRAFT"}}
    assert (await village.ask(document, operation="A")).json["data"] == {"dataset": {"id": one}}
    assert "data" not in (await village.ask(document)).json


async def test_a_variable_may_stand_in_many_places(village):
    document = """query ($n: Int! = 1, $id: ID!, $order: AgeOrder = OLDEST) {
        dataset(id: $id) { aois(first: $n, orderBy: $order) { nodes { id labels(first: $n) { nodes { id } } } } }
        nodes(ids: [$id, $id]) { id } datasets(first: $n, userId: "<other>") { nodes { id } } }"""
    id, b, c = (village.ids[name] for name in ("one", "b", "c"))
    north, south = village.ids["north"], village.ids["south"]
    for given, aois in (
        ({}, [{"id": north, "labels": {"nodes": [{"id": c}]}}]),
        (
            {"n": 2},
            [{"id": north, "labels": {"nodes": [{"id": c}, {"id": b}]}}, {"id": south, "labels": {"nodes": []}}],
        ),
        ({"n": 1, "order": "NEWEST"}, [{"id": south, "labels": {"nodes": []}}]),
    ):
        answer = await village.ask(document, id=id, **given)
        assert answer.json["data"] == {
            "dataset": {"aois": {"nodes": aois}},
            "nodes": [{"id": id}, {"id": id}],
            "datasets": {"nodes": [{"id": village.ids["two"]}]},
        }


@pytest.mark.parametrize(
    ("declared", "given", "count"),
    [
        ("$n: Int", {}, 3),  # the argument's default
        ("$n: Int", {"n": 2}, 2),
        ("$n: Int = 1", {}, 1),
        ("$n: Int! = 1", {}, 1),
        ("$n: Int", {"n": None}, 3),  # null: of either end, as many as if it was left out
        ("$n: Int = 1", {"n": None}, 3),
    ],
)
async def test_a_variable_left_out_is_not_null(village, declared, given, count):
    answer = await village.ask(f"query ({declared}) {{ datasets(first: $n) {{ nodes {{ id }} }} }}", **given)
    data = answer.json.get("data")
    assert (data and len(data["datasets"]["nodes"])) == count


@pytest.mark.parametrize(
    "variables",
    [
        {"order": "SIDEWAYS"},
        {"order": 1},
        {"order": ["NAME"]},
        {"n": "2"},
        {"n": 2.5},
        {"n": 2**31},
        {"n": None},
        {"ids": {}},
        {"ids": [None]},
        {"ids": None},
    ],
    ids=json.dumps,
)
async def test_variables_of_a_wrong_kind_are_refused(village, variables):
    document = """query ($order: NamedOrder, $n: Int! = 1, $ids: [ID!]! = []) {
        datasets(orderBy: $order, first: $n) { totalCount } nodes(ids: $ids) { id } }"""
    answer = await village.ask(document, **variables)
    assert "data" not in answer.json
    assert answer.json["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_page_continues_below_every_parent(village):
    document = """query ($after: String) { datasets(orderBy: OLDEST) { nodes {
        aois(first: 1, orderBy: OLDEST, after: $after) {
            nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor } } } } }"""
    named = {id: name for name, id in village.ids.items()}
    after = None
    for shown in (["north", "west", None], ["south", "west", None], [None, "west", None], [None, None, None]):
        answer = await village.ask(document, after=after)
        pages = [dataset["aois"] for dataset in answer.json["data"]["datasets"]["nodes"]]
        assert [named[page["nodes"][0]["id"]] if page["nodes"] else None for page in pages] == shown
        assert [page["pageInfo"]["hasNextPage"] for page in pages] == [shown[0] == "north", False, False]
        assert {page["pageInfo"]["hasPreviousPage"] for page in pages} == {after is not None}
        after = next((page["pageInfo"]["endCursor"] for page in pages if page["nodes"]), None)
