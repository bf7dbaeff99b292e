"""Automatic persisted queries and trusted documents: what Apollo's and urql's clients send, and what they expect."""

import asyncio
import hashlib
import json

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisDown

from app.services.system.requests import persisted_queries, trusted_documents
from app.services.system.requests.persisted_queries import INDEX, PREFIX, PersistedQueries
from app.services.system.requests.trusted_documents import TrustedDocuments
from app.settings import settings
from app.web.graphql.documents.persisted import Persisted

GREETING = "{ greeting }"
RENAME = 'mutation { rename(name: "x") }'
NOT_FOUND = {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
NOT_SUPPORTED = {"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def named(text, **more):
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha(text)}}, **more}


@pytest.fixture
async def queries(redis_url):
    made = PersistedQueries(redis_url)
    async for key in made._redis.scan_iter(f"{PREFIX}*"):
        await made._redis.delete(key)
    yield made
    await made.close()


@pytest.fixture
async def trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(settings, "storage_url", None)
    monkeypatch.setattr(settings, "trusted_documents_s", 0)
    return TrustedDocuments()


@pytest.fixture
async def apq(serve, queries, trusted):
    """A server with both stores, and how to ask it."""
    async with (
        serve(persisted=Persisted(queries, trusted)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as client,
    ):
        client.served = served
        yield client


async def post(client, body, token=None, **headers):
    if token:
        headers["authorization"] = f"Bearer {token}"
    return await client.post("/graphql", json=body, headers=headers)


async def test_a_client_sends_the_hash_then_the_text_then_the_hash(apq):
    first = await post(apq, named(GREETING))
    assert (first.status_code, first.json()["errors"]) == (200, [NOT_FOUND])
    assert (await post(apq, named(GREETING, query=GREETING))).json()["data"] == {"greeting": "hello"}
    for _ in range(3):
        assert (await post(apq, named(GREETING))).json()["data"] == {"greeting": "hello"}


async def test_in_the_new_media_type_it_is_told_with_400(apq):
    answer = await post(apq, named(GREETING), accept="application/graphql-response+json")
    assert (answer.status_code, answer.json()["errors"]) == (400, [NOT_FOUND])


async def test_get_names_it_too(apq):
    params = {"extensions": json.dumps(named(GREETING)["extensions"])}
    assert (await apq.get("/graphql", params=params)).json()["errors"] == [NOT_FOUND]
    await post(apq, named(GREETING, query=GREETING))
    assert (await apq.get("/graphql", params=params)).json()["data"] == {"greeting": "hello"}
    # A browser that asks for HTML is led to GraphiQL only if it names no document.
    shown = await apq.get("/graphql", params=params, headers={"accept": "text/html,application/json"})
    assert shown.json()["data"] == {"greeting": "hello"}


async def test_a_mutation_is_still_refused_by_get(apq):
    await post(apq, named(RENAME, query=RENAME))
    asked = apq.served.journal.asked
    answer = await apq.get("/graphql", params={"extensions": json.dumps(named(RENAME)["extensions"])})
    assert (answer.status_code, apq.served.journal.asked) == (405, asked)


async def test_a_socket_names_it_too(apq, connect):
    async with connect(apq.served.socket_url) as talk:
        await talk.init()
        await talk.say({"id": "1", "type": "subscribe", "payload": named(GREETING)})
        refused = await talk.receive()
        assert (refused["type"], refused["payload"]) == ("error", [NOT_FOUND])
        for id, payload in (("2", named(GREETING, query=GREETING)), ("3", named(GREETING))):
            await talk.say({"id": id, "type": "subscribe", "payload": payload})
            assert (await talk.receive())["payload"]["data"] == {"greeting": "hello"}
            assert (await talk.receive())["type"] == "complete"


async def test_another_process_knows_it(apq, queries, redis_url):
    await post(apq, named(GREETING, query=GREETING))
    other = PersistedQueries(redis_url)
    assert await other.text(sha(GREETING)) == GREETING
    assert other.known(sha(GREETING)) == GREETING
    await other.close()


async def test_a_hash_that_does_not_fit_is_refused_and_nothing_is_kept(apq, queries):
    body = named(GREETING, query="{ viewer }")
    answer = await post(apq, body)
    assert answer.json()["errors"][0]["message"] == "provided sha does not match query"
    assert await queries.text(sha(GREETING)) is None
    assert await queries.text(sha("{ viewer }")) is None


async def test_what_is_invalid_is_not_kept(apq, queries):
    await post(apq, named("{ nothing }", query="{ nothing }"))
    assert await queries.text(sha("{ nothing }")) is None


@pytest.mark.parametrize(
    "persisted",
    [{"version": 2, "sha256Hash": sha(GREETING)}, {"sha256Hash": sha(GREETING)}, {"version": 1}, "x", [], {}, 1]
    + [{"version": 1, "sha256Hash": each} for each in ("", 7, None, "x" * 129, {})],
)
async def test_another_version_or_form_is_malformed(apq, persisted):
    answer = await post(apq, {"extensions": {"persistedQuery": persisted}})
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 1


@pytest.mark.parametrize("hash", ["x", sha(GREETING)[:-1], sha(GREETING).upper(), "*" * 64])
async def test_what_is_no_hash_is_refused(apq, hash):
    answer = await post(apq, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}}})
    assert "64 lowercase hex digits" in answer.json()["errors"][0]["message"]


async def test_without_either_the_query_is_missing(apq):
    for body in ({}, {"query": None}, {"extensions": {}}, {"extensions": {"persistedQuery": None}}):
        answer = await post(apq, body)
        assert answer.status_code == 400
        assert "'query' must be a string" in answer.json()["errors"][0]["message"]


async def test_where_it_is_off_clients_are_told_so(apq, monkeypatch):
    monkeypatch.setattr(settings, "persisted_queries", False)
    assert (await post(apq, named(GREETING))).json()["errors"] == [NOT_SUPPORTED]
    assert (await post(apq, {"query": GREETING})).json()["data"] == {"greeting": "hello"}


async def test_without_a_store_clients_are_told_so(ask, http):
    assert (await post(http, named(GREETING))).json()["errors"] == [NOT_SUPPORTED]


async def test_without_redis_clients_send_the_text(apq, queries, monkeypatch):
    async def down(*_args, **_named):
        raise RedisDown("away")

    monkeypatch.setattr(queries._redis, "get", down)
    monkeypatch.setattr(queries._redis, "eval", down)
    assert (await post(apq, named(GREETING))).json()["errors"] == [NOT_FOUND]
    assert (await post(apq, named(GREETING, query=GREETING))).json()["data"] == {"greeting": "hello"}


async def test_texts_are_bounded_in_number_the_unused_go_first(queries, monkeypatch):
    monkeypatch.setattr(settings, "persisted_queries_max", 3)
    now = [1_000_000]
    monkeypatch.setattr(persisted_queries.time, "time", lambda: now[0])
    for number in range(5):
        now[0] += 1
        await queries.keep(sha(f"{{ a{number} }}"), f"{{ a{number} }}")
    kept = [key async for key in queries._redis.scan_iter(f"{PREFIX}*") if key != INDEX.encode()]
    assert {key.decode() for key in kept} == {PREFIX + sha(f"{{ a{number} }}") for number in (2, 3, 4)}
    assert await queries._redis.zcard(INDEX) == 3
    assert 0 < await queries._redis.ttl(kept[0]) <= settings.persisted_query_s


async def test_a_long_text_is_run_and_not_kept(apq, queries, monkeypatch):
    monkeypatch.setattr(settings, "persisted_query_characters_max", 5)
    assert (await post(apq, named(GREETING, query=GREETING))).json()["data"] == {"greeting": "hello"}
    assert await queries.text(sha(GREETING)) is None


async def test_what_somebody_put_into_redis_is_not_run(apq, queries):
    await queries._redis.set(PREFIX + sha(GREETING), RENAME)
    assert (await post(apq, named(GREETING))).json()["errors"] == [NOT_FOUND]


async def test_many_at_once_are_answered_alike(apq):
    answers = await asyncio.gather(*(post(apq, named(GREETING, query=GREETING)) for _ in range(10)))
    assert {answer.json()["data"]["greeting"] for answer in answers} == {"hello"}


@pytest.fixture
async def only_trusted(monkeypatch, trusted):
    monkeypatch.setattr(settings, "trusted_documents", True)
    await trusted_documents.load({"greet": GREETING, sha(RENAME): RENAME}, replace=True)


async def test_only_the_manifest_runs(apq, only_trusted):
    for body in (
        {"query": GREETING},
        {"documentId": "greet"},
        {"documentId": f"sha256:{sha(GREETING)}"},
        named(GREETING),
        named(GREETING, query=GREETING),
    ):
        assert (await post(apq, body)).json()["data"] == {"greeting": "hello"}
    assert (await post(apq, {"documentId": sha(RENAME)}, token="viewer-1")).json()["data"] == {"rename": "x"}


@pytest.mark.parametrize("token", [None, "viewer-1"])
@pytest.mark.parametrize(
    "query",
    ["{ viewer }", "{greeting}", 'mutation { rename(name: "y") }', "{ __typename greeting }", "{ nothing }", "{"],
)
async def test_nothing_else_does(apq, only_trusted, query, token):
    asked = apq.served.journal.asked
    for body in ({"query": query}, named(query, query=query)):
        answer = await post(apq, body, token=token)
        assert "data" not in answer.json()
        assert (answer.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED") or token
    assert apq.served.journal.asked == asked


async def test_an_unknown_id_is_not_found_and_another_text_does_not_fit(apq, only_trusted):
    for body in ({"documentId": "nothing"}, named("{ viewer }")):
        assert (await post(apq, body)).json()["errors"] == [NOT_FOUND]
    answer = await post(apq, {"documentId": "greet", "query": "{ viewer }"})
    assert answer.json()["errors"][0]["message"] == "provided sha does not match query"


async def test_introspection_is_for_people_who_are_signed_in(apq, only_trusted):
    query = "{ __schema { queryType { name } } __typename }"
    assert (await post(apq, {"query": query})).json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
    assert (await post(apq, {"query": query}, token="viewer-1")).json()["data"]["__typename"] == "Query"


async def test_what_was_registered_before_is_not_trusted(apq, queries, monkeypatch, only_trusted):
    await queries.keep(sha("{ viewer }"), "{ viewer }")
    assert (await post(apq, named("{ viewer }"))).json()["errors"] == [NOT_FOUND]


async def test_a_socket_runs_the_manifest_alone(apq, connect, only_trusted):
    async with connect(apq.served.socket_url) as talk:
        await talk.init(token="viewer-1")
        await talk.subscribe("1", "subscription { count(to: 1) }")
        assert (await talk.receive())["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        await talk.subscribe("2", GREETING)
        assert (await talk.receive())["payload"]["data"] == {"greeting": "hello"}


async def test_a_new_manifest_is_taken_over_and_an_outage_changes_nothing(apq, only_trusted, monkeypatch):
    await trusted_documents.load({"who": "{ viewer }"}, replace=False)
    assert (await post(apq, {"documentId": "who"}, token="viewer-2")).json()["data"] == {"viewer": 2}

    async def away(_key):
        raise OSError("away")

    monkeypatch.setattr(trusted_documents.storage, "get", away)
    assert (await post(apq, {"documentId": "who"}, token="viewer-2")).json()["data"] == {"viewer": 2}


async def test_without_a_manifest_nothing_runs(apq, monkeypatch):
    monkeypatch.setattr(settings, "trusted_documents", True)
    answer = await post(apq, {"query": GREETING})
    assert answer.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
