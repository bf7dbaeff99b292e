"""A text that shows nothing is no text: whichever field of a mutation it is given to, it is never kept."""

import os

import pytest
from graphql import get_named_type, get_nullable_type, is_list_type
from redis import Redis

from tests import factories
from tests.fixtures import person
from tests.system.test_inputs import (
    ARGUMENTS,
    CORE,
    ids_for,
    owner,
    owner_and_rows,
    places,
    put,
    rows,
    send,
    type_at,
)

__all__ = ["owner", "owner_and_rows", "rows"]
FUZZ = bool(os.environ.get("FUZZ"))
BLANK = ["\u200b", "\u2800", "\u3164\u115f", "\u202e\u2066", "\u0301\u0301", " \u00ad\ufeff\t"]
MARKS = "[\u200b\u2800\u3164\u115f\u202e\u2066\u0301\u00ad\ufeff]"
SECRETS = {"password", "currentPassword", "newPassword"}
"""Kept as hashes only; a password may be of any characters."""
TEXTS = [
    (field, name, path)
    for kind, field, name in ARGUMENTS
    if kind == "Mutation"
    for path in places(CORE.type_map[kind].fields[field].args[name].type)
    if get_named_type(type_at(CORE.type_map[kind].fields[field].args[name].type, path)).name == "String"
    and not is_list_type(get_nullable_type(type_at(CORE.type_map[kind].fields[field].args[name].type, path)))
]
FIELDS = [place for place in TEXTS if place[-1][-1] not in SECRETS]


def by_mutation(places):
    """The arguments and paths of texts by their mutation: what there is before it is made once for all of them."""
    found = {}
    for field, name, path in places:
        found.setdefault(field, []).append((name, path))
    return found


def test_there_are_fields_to_try_and_only_passwords_are_left_out():
    assert len(FIELDS) > 40
    assert {path[-1] for _, _, path in TEXTS} - {path[-1] for _, _, path in FIELDS} == SECRETS


@pytest.mark.parametrize("field", by_mutation(FIELDS))
async def test_a_text_that_shows_nothing_is_never_kept(api, tables, redis_url, rows, owner, field):
    for name, path in by_mutation(FIELDS)[field]:
        kind = CORE.type_map["Mutation"].fields[field].args[name].type
        for blank in BLANK if FUZZ else BLANK[:2] + BLANK[3:5]:
            with Redis.from_url(redis_url) as client:  # nobody is too fast here
                client.flushdb()
            given = put(kind, path, blank, ids_for(field, rows))
            answer = (await send(api, owner, "Mutation", field, name, given)).json()
            assert "INTERNAL" not in [error["extensions"]["code"] for error in answer.get("errors", [])], path
            assert tables.find(MARKS) == [], (path, blank, answer)


async def test_what_would_be_kept_would_be_found(database, tables):
    await factories.post(database, (await person(database, "owner")).id, content="\u2800")
    assert tables.find(MARKS) == ["posts"]
