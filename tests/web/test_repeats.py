"""Requests that are read by what is known of one before say what they would say to whoever reads them whole."""

import json
import random
from itertools import permutations

import pytest

from app.web.graphql.operations.repeats import Repeats
from app.web.graphql.operations.request import Malformed, Parameters, decode, parameters
from tests.fuzz import FACTOR

ROUNDS = 2_000 * FACTOR
QUERY = 'query A($id: ID!) { user(id: $id) { id } } # "variables":{"id":"7"}'
MEMBERS = [
    f'"query": {json.dumps(QUERY)}',
    '"operationName":"A"',
    '"operationName":null',
    '"extensions":{"variables":{"id":"nested"}}',
    '"extensions": {"persistedQuery":{"version":1,"sha256Hash":"ab"}}',
    '"variables":{"id":"again"}',
    '"variables" : {"id":"spaced"}',
    '"variables":null',
    '"x\\"variables":{"id":"escaped"}',
    '"documentId":"abc"',
]
VALUES = [
    '{"id":"RGF0YXNldDox"}',
    ' { "id" : "a}b" , "n": -0 } ',
    '{"id":"a{b"}',
    "{}",
    "null",
    "[]",
    "7",
    '"{}"',
    '{"id":["a"]}',
    '{"id":{"a":1}}',
    '{"id":"\\u0000"}',
    '{"id":"\\u00e9","id":"twice"}',
    '{"id":"a"',
    '{"id":"a"}}',
    '{"id":"a"},"query":"{ other }"',
    '{"id":1e999}',
    "",
]


def whole(body: bytes) -> Parameters | tuple[str, int]:
    try:
        return parameters(decode(body), size=len(body))
    except Malformed as malformed:
        return malformed.message, malformed.status


def repeated(repeats: Repeats, body: bytes) -> Parameters | tuple[str, int]:
    try:
        return repeats.read(body)
    except Malformed as malformed:
        return malformed.message, malformed.status


def test_whatever_came_before_a_request_says_the_same():
    chosen, repeats = random.Random(7), Repeats()
    for _ in range(ROUNDS):
        members = [*chosen.sample(MEMBERS, chosen.randint(0, 3)), '"variables":%s']
        chosen.shuffle(members)
        frame = "{" + chosen.choice([",", ", ", " ,\n"]).join(members) + chosen.choice(["}", " }", "}x", ""])
        for value in chosen.choices(VALUES, k=4):
            body = frame.replace("%s", value).encode()
            assert repeated(repeats, body) == whole(body), body


@pytest.mark.parametrize("members", list(permutations(['"query":"{ a }"', '"operationName":"A"', '"variables":%s'])))
def test_only_the_variables_are_read_again(members, monkeypatch):
    repeats, frame = Repeats(), "{" + ",".join(members) + "}"
    first, second = ((frame % value).encode() for value in ('{"id":"a"}', '{"id":"b","n":null}'))
    assert repeats.read(first).variables == {"id": "a"}
    monkeypatch.setattr("app.web.graphql.operations.repeats.decode", None)
    assert repeats.read(second) == whole(second)


def test_the_variables_of_others_are_not_remembered():
    repeats = Repeats()
    repeats.read(b'{"query":"{ a }","variables":{"password":"secret"}}')
    assert "secret" not in str(repeats._known.items())
