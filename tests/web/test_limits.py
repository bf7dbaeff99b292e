"""How large a document may be, and what it costs."""

import pytest

from app.settings import settings

INTROSPECTION = (
    "{ __schema { types { name fields { name args { name type { name ofType { name ofType { name } } } } } } } }"
)


def spread_twice(fragments: int) -> str:
    """Fragments that each spread the next one twice: a document of a few hundred bytes and 2ⁿ selections."""
    links = "".join(f"fragment F{n} on Item {{ ...F{n + 1} ...F{n + 1} }} " for n in range(fragments - 1))
    return f"{{ items {{ nodes {{ ...F0 }} }} }} {links} fragment F{fragments - 1} on Item {{ id }}"


async def cost_of(ask, query: str, **variables: object) -> int:
    body = (await ask(query, **variables)).json()
    return body["extensions"]["cost"]["requested"]


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ greeting }", 1),
        ("{ items { nodes { id } } }", 29),  # the argument's default, 25: a page, and 25 items of 1.1
        ("{ items(first: 2) { nodes { id } } }", 4),
        ("{ items(first: 0) { nodes { id } } }", 1),
        ("{ items(first: -5) { nodes { id } } }", 1),
        ("{ items(first: 10) { nodes { id items(first: 10) { nodes { id } } } } }", 132),
        ("query($n: Int = 3) { items(first: $n) { nodes { id } } }", 5),
        ("query($n: Int) { items(first: $n) { nodes { id } } }", 29),
        ('{ several(ids: ["1", "2", "3"]) { id } }', 4),
        ('{ several(ids: "1") { id } }', 2),
        ("{ items(first: 2) { ...P } } fragment P on Page { nodes { id } }", 4),
        ("{ ... on Query { items(first: 2) { ... { nodes { id } } } } }", 4),
        ('mutation { rename(name: "x") }', 11),
        (INTROSPECTION, 508),
        ('{ __type(name: "Item") { name } }', 52),
    ],
)
async def test_an_operation_costs_what_it_may_give(ask, query, cost):
    assert await cost_of(ask, query) == cost


async def test_a_page_costs_by_its_variable(ask):
    query = "query($n: Int = 3, $ids: [ID!] = []) { items(first: $n) { nodes { id } } several(ids: $ids) { id } }"
    assert await cost_of(ask, query, n=50) == 56
    assert await cost_of(ask, query, n=1, ids=["1", "2"]) == 5


async def test_the_same_pages_are_counted_once(ask, monkeypatch):
    query = "query Memo($n: Int, $text: String) { items(first: $n) { nodes { id } } echo(text: $text) }"
    costs = [await cost_of(ask, query, n=n) for n in (1, 2, 3)]
    monkeypatch.setattr("schema.limits._Cost", None)
    assert [await cost_of(ask, query, n=n, text=f"{n}") for n in (1, 2, 3)] == costs == [3, 4, 5]


async def test_who_pages_in_every_size_fills_no_memory(ask, monkeypatch):
    monkeypatch.setattr("schema.limits.COSTS_REMEMBERED_MAX", 2)
    query = "query Many($n: Int) { items(first: $n) { nodes { id } } }"
    assert [await cost_of(ask, query, n=n) for n in (0, 10, 20, 0, 10, 20)] == [1, 12, 23, 1, 12, 23]


async def test_too_dear_an_operation_is_not_run(ask, served):
    response = await ask("{ greeting items(first: 100) { nodes { items(first: 300) { nodes { id } } } } }")
    assert response.status_code == 400
    assert response.json() == {
        "errors": [
            {
                "message": "This operation costs 33202; the limit is 20000. Request smaller pages or fewer fields.",
                "extensions": {"code": "COST_EXCEEDED"},
            }
        ],
        "extensions": {"cost": {"requested": 33_202, "max": 20_000}},
    }
    assert served.journal.asked == 0


@pytest.mark.parametrize("fragments", [20, 60, 99])
async def test_fragments_that_spread_each_other_twice_are_counted_once(ask, fragments):
    """With work that doubled with each of them, this test would not end."""
    response = await ask(spread_twice(fragments))
    assert response.json()["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"


async def test_fragments_with_fields_that_spread_each_other_twice_are_counted_once(ask):
    links = "".join(
        f"fragment F{n} on Item {{ a: items {{ nodes {{ ...F{n + 1} }} }} b: items {{ nodes {{ ...F{n + 1} }} }} }} "
        for n in range(6)
    )
    response = await ask(f"{{ items {{ nodes {{ ...F0 }} }} }} {links} fragment F6 on Item {{ id }}")
    assert response.json()["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"


NEST = "items { nodes { "
OUT_OF_SHAPE = {
    "Syntax Error: Document contains more than 5000 tokens. Parsing aborted.": "{" + "greeting " * 5_001 + "}",
    "Syntax Error: Source contains more than 60000 code points. Parsing aborted.": "{" + " " * 60_000 + "greeting}",
    "Syntax Error: Document is nested too deeply. Parsing aborted.": "{" + "... {" * 1_600 + "greeting" + "}" * 1_601,
    "A document may have 100 aliases, not 101.": "{" + "".join(f"a{n}: greeting " for n in range(101)) + "}",
    "A document may have 200 fields that repeat another, not 299.": "{" + "greeting " * 300 + "}",
    "A document may have 200 fields that repeat another, not 249.": "{" + "... { greeting } " * 250 + "}",
    "A document may have 100 directives, not 101.": "{ greeting " + "@include(if: true) " * 101 + "}",
    "A document may have 16 levels, not 17.": "{" + NEST * 8 + "id" + " } }" * 8 + "}",
    "A document may have 16 levels, not 19.": (
        "{ items { nodes { ...I } } } fragment I on Item {" + NEST * 8 + "id" + " } }" * 8 + "}"
    ),
    "A document may have 100 operations and fragments.": "".join(f"query Q{n} {{ greeting }} " for n in range(101)),
    "A document may have 100 variables.": "query(" + "".join(f"$v{n}: Int " for n in range(101)) + ") { greeting }",
    "Cannot spread fragment 'A' within itself via 'B'.": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    ),
    "Unknown fragment 'Nowhere'.": "{ ...Nowhere }",
}


@pytest.mark.parametrize(("message", "query"), OUT_OF_SHAPE.items(), ids=OUT_OF_SHAPE.keys())
async def test_a_document_out_of_shape_is_refused_with_the_number_and_the_limit(ask, query, message):
    response = await ask(query)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == message
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_the_length_of_a_document_is_asked_before_anything_else(ask, monkeypatch):
    for looks in ("parse", "NUL", "validate"):
        monkeypatch.setattr(f"app.web.graphql.documents.cache.{looks}", None)
    response = await ask(" " * 62_000)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"].startswith("Syntax Error: Source contains more than 60000")


async def test_the_name_of_an_operation_has_a_length(http):
    response = await http.post("/graphql", json={"query": "{ greeting }", "operationName": "x" * 60_000})
    assert (response.status_code, len(response.content) < 500) == (400, True)
    assert response.json()["errors"][0]["message"] == "'operationName' may have at most 1000 characters."


async def test_a_request_holds_so_many_lists_and_objects(http, monkeypatch):
    monkeypatch.setattr(settings, "request_containers_max", 1_000)
    for many in ("[],", "{},"):
        body = '{"query":"{ greeting }","variables":{"a":[' + many * 1_000 + "1]}}"
        response = await http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        assert response.json()["errors"][0]["message"] == "A request may have at most 1,000 lists and objects."


@pytest.mark.parametrize(
    "query",
    [
        'mutation { a: signIn(password: "1") b: signIn(password: "2") }',
        'mutation { a: signIn(password: "1") ...F } fragment F on Mutation { b: signIn(password: "2") }',
        'mutation { a: signIn(password: "1") ... { b: signIn(password: "2") } }',
    ],
)
async def test_signing_in_is_not_tried_twice_in_one_operation(ask, query):
    response = await ask(query)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "'signIn' may be called only once in an operation."


async def test_a_mutation_that_is_called_once_or_may_be_called_often_is(ask):
    once = await ask('mutation { ...F ...F } fragment F on Mutation { signIn(password: "1") }')
    often = await ask('mutation { a: rename(name: "1") b: rename(name: "2") }')
    assert once.json()["data"] == {"signIn": "no"}
    assert often.json()["data"] == {"a": "1", "b": "2"}


async def test_clients_may_introspect(ask):
    response = await ask(INTROSPECTION)
    assert "Item" in {found["name"] for found in response.json()["data"]["__schema"]["types"]}


async def test_documents_are_remembered_up_to_a_number(ask, monkeypatch):
    monkeypatch.setattr(settings, "documents_cached_max", 2)
    queries = [f"query Remembered{n} {{ greeting }}" for n in range(3)]
    for query in queries:
        await ask(query)
    monkeypatch.setattr("app.web.graphql.documents.cache.validate", lambda *_arguments, **_options: ["not remembered"])
    assert (await ask(queries[2])).status_code == 200
    assert (await ask(queries[1])).status_code == 200
    assert (await ask(queries[0])).status_code == 500
