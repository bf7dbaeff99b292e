"""Requests and arguments have bounds, and what is larger is refused before anything is built from it."""

import json

import pytest
from graphql import get_named_type

from app.settings import settings
from resolvers import ids
from schema import schema
from schema.sizes import declared, in_words
from tests import factories

CORE = schema._schema
DECLARED = declared(schema)
SHAPES = {"GeoJSONGeometry", "GeoJSONPolygon"}  # a point is short
OF_FILES = {"uploadLabels", "importSpecies", "importDeployments", "importLocations"}
OF_MANY_FILES = {"addMediaAddresses", "requestMediaUploads"}
OF_ROWS = {"appendLines", "updateLines", "solve"}
LONG = "x" * 10_001
INTROSPECTED = "types { name fields { name args { name } } }"


def inputs(name: str) -> dict[str, str]:
    argument = CORE.mutation_type.fields[name].args.get("input")
    return {k: get_named_type(v.type).name for k, v in argument.type.of_type.fields.items()} if argument else {}


def test_what_takes_a_shape_says_that_its_requests_may_be_larger():
    takes = {name for name in CORE.mutation_type.fields if SHAPES & set(inputs(name).values())}
    takes |= OF_MANY_FILES
    assert {name for name, size in DECLARED.items() if size == settings.shape_request_bytes_max} == takes
    assert {name for name, size in DECLARED.items() if size > settings.shape_request_bytes_max} == OF_FILES | OF_ROWS


@pytest.mark.parametrize("name", DECLARED)
def test_its_description_says_how_much(name):
    sentence = f"A request with this mutation may be up to {in_words(DECLARED[name])}."
    assert sentence in CORE.mutation_type.fields[name].description


@pytest.fixture
async def area(database, owner):
    return await factories.aoi(database, await factories.dataset(database, owner.id))


def draw(area, size: int) -> dict:
    query = "mutation ($i: CreateLabelInput!) { createLabel(input: $i) { __typename ... on Problem { message } } }"
    geom = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1e-5], [1e-5, 1e-5], [0, 0]]]}
    return {"query": query, "variables": {"i": {"aoiId": ids.encode(area), "geom": geom, "tags": {"a": "b" * size}}}}


async def test_a_request_of_64_kib_is_enough_for_whatever_declares_nothing(api, owner):
    query = "query ($s: String) { datasets(search: $s) { totalCount } }"
    body = {"query": query, "variables": {"unused": "x" * 70_000}}
    for headers in ({}, {"authorization": f"Bearer {owner.token}"}):
        response = await api.post("/graphql", json=body, headers=headers)
        assert response.status_code == 413
        assert response.json()["errors"][0]["message"] == "A request may have at most 65536 bytes."


async def test_a_larger_one_is_taken_by_what_declares_it(api, owner, area):
    response = await api.post("/graphql", json=draw(area, 100_000), headers={"authorization": f"Bearer {owner.token}"})
    assert response.status_code == 200
    assert "createLabel" in response.json()["data"]


async def test_not_without_a_token_or_with_one_that_does_not_hold(api, area, unchanged):
    async with unchanged():
        stranger = await api.post("/graphql", json=draw(area, 100_000))
        nobody = await api.post("/graphql", json=draw(area, 100_000), headers={"authorization": "Bearer nobody"})
    assert (stranger.status_code, nobody.status_code) == (413, 401)


async def test_not_beyond_what_it_declares(api, owner, area, unchanged):
    async with unchanged():
        response = await api.post(
            "/graphql", json=draw(area, 1_100_000), headers={"authorization": f"Bearer {owner.token}"}
        )
    assert response.status_code == 413
    assert response.json()["errors"][0]["message"] == "A request may have at most 1048576 bytes."


def fields_with_texts() -> list[tuple[str, str, str]]:
    """Every argument and input field at the root that takes a text: its operation, its path, its type."""
    found = []
    for kind, root in (("query", CORE.query_type), ("mutation", CORE.mutation_type)):
        for name, field in root.fields.items():
            for argument, declaration in field.args.items():
                named = get_named_type(declaration.type)
                if named.name in {"String", "ID", "DateTime"}:
                    found.append((kind, f"{name}({argument}: $v)", str(declaration.type)))
                for inner, each in getattr(named, "fields", {}).items():
                    if get_named_type(each.type).name in {"String", "ID", "DateTime"}:
                        found.append((kind, f"{name}({argument}: $v)", f"{named.name}!#{inner}"))
    return found


async def test_no_text_is_longer_than_any_argument_may_be(api, owner):
    headers = {"authorization": f"Bearer {owner.token}"}
    for kind, call, declaration in fields_with_texts():
        declared_as, _, inner = declaration.partition("#")
        value = {inner: LONG} if inner else [LONG] if declared_as.startswith("[") else LONG
        if inner and "[" in str(CORE.type_map[declared_as.rstrip("!")].fields[inner].type):
            value = {inner: [LONG]}
        body = {"query": f"{kind} ($v: {declared_as}) {{ {call} {{ __typename }} }}", "variables": {"v": value}}
        response = await api.post("/graphql", json=body, headers=headers)
        errors = response.json()["errors"]
        if "must not have a selection" in errors[0]["message"]:
            body["query"] = f"{kind} ($v: {declared_as}) {{ {call} }}"
            errors = (await api.post("/graphql", json=body, headers=headers)).json()["errors"]
        if "required, but it was not provided" in errors[0]["message"]:
            continue  # validation says so of the document before it looks at what is sent
        assert "may have 10000 characters; this has 10001." in errors[0]["message"], (call, declaration, errors)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f'{{ datasets(search: "{LONG}") {{ totalCount }} }}', "A text may have 10000 characters; this has 10001."),
        (f'{{ datasets(search: """{LONG}""") {{ totalCount }} }}', "A text may have 10000 characters; this has 10001."),
    ],
)
async def test_nor_is_one_in_a_document(ask, query, message):
    assert (await ask(query)).errors[0]["message"] == message


async def test_a_list_has_an_end(ask):
    answer = await ask("query ($b: [Float!]) { datasets(bbox: $b) { totalCount } }", b=[0] * 1_001)
    assert answer.errors[0]["message"] == "$b may have 1000 values; this has 1001."


async def test_so_have_all_values_together(api):
    body = {"query": "query ($b: [Float!]) { datasets(bbox: $b) { totalCount } }", "variables": {"b": [0] * 21_000}}
    response = await api.post("/graphql", content=json.dumps(body, separators=(",", ":")).encode(),
                              headers={"content-type": "application/json"})  # fmt: skip
    assert response.status_code == 413
    assert response.json()["errors"][0]["message"] == "A request of this size may have at most 20000 values."


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ a: __schema { queryType { name } } b: __schema { queryType { name } } }", "may be requested at most once"),
        ("{ __schema { " + " ".join(f"a{n}: {INTROSPECTED}" for n in range(5)) + " } }", "at most 12 schema lists"),
        ("{ __schema { types { fields { type { fields { name } } } } } }", "at most 2 levels deep; this has 3"),
        ("{ " + " ".join(f'a{n}: __type(name: "Query") {{ name }}' for n in range(11)) + " }", "10 times"),
        ("{ __schema { ...S } } fragment S on __Schema { "
         + " ".join(f"a{n}: types {{ ...T }}" for n in range(5))
         + " } fragment T on __Type { fields { name args { name } } }", "at most 12 schema lists"),
    ],
)  # fmt: skip
async def test_the_schema_tells_of_itself_once(ask, query, message):
    answer = await ask(query)
    assert answer.codes == ["BAD_REQUEST"]
    assert message in answer.errors[0]["message"]


async def test_what_it_tells_is_remembered(ask, monkeypatch):
    query = f"query Remembered {{ __schema {{ {INTROSPECTED} }} datasets {{ totalCount }} }}"
    first = await ask(query)
    monkeypatch.setattr("resolvers.plan.executor.in_thread", None)
    again = await ask(query + " # once more")
    assert again["__schema"] == first["__schema"]
    assert {"Dataset", "RateLimit"} <= {kind["name"] for kind in again["__schema"]["types"]}
    assert again.extensions["cost"]["actual"] < first.extensions["cost"]["actual"]


async def test_the_introspection_query_of_tools_is_answered(ask):
    from graphql import build_client_schema, get_introspection_query, print_schema  # noqa: PLC0415

    answer = await ask(get_introspection_query(descriptions=True, input_value_deprecation=True))
    assert "type RateLimit" in print_schema(build_client_schema(dict(answer)))
