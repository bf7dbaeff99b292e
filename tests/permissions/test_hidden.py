"""Whom one must not see is in no answer: blocked either way, suspended or deleted, by no name, no word and no id.

Everything the schema declares is asked: each field of the root, and each field of every row there is. `people.txt` has
the fields that name somebody as long as one may see them; a field that names people and is not in it fails, and so
does a field of the root about which it does not say whether it does.
"""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exists, select

from app.models.base import Base
from resolvers import ids
from resolvers.system.nodes import SHOWN
from tests.fixtures import Person
from tests.permissions.everything import answers, lift_limits
from tests.permissions.hidden import Society, seen, society
from tests.permissions.hiding import blocked, blocking, deleted, muted, suspended
from tests.permissions.matrix import CORE

OF_A_PERSON = ("(userId)", "(withUserId)", "(actorId)", "(authorId)", "(sellerId)")
"""With one's id, fields find what is theirs: of whom one does not see, nothing."""
APART = {"blocks", "mails"}
"""What hides them, and what goes to their own address."""
OF_ONES_OWN_BLOCKS = frozenset({"Block.userId", "Query.blocks"})
"""Whom one has blocked one is told by their id alone, in one's own blocks, to take it back."""
LISTED = Path(__file__).with_name("people.txt")


@pytest.fixture
async def people(database, made_once) -> Society:
    return await made_once("society", partial(society, database))


def listed() -> dict[str, str]:
    """Every field that `people.txt` has, and whether somebody is seen in it as long as one may see them."""
    return dict(line.split() for line in LISTED.read_text().splitlines() if line[:1].isupper())


def rows_of(answer: Any) -> list[Any]:
    """The rows of an answer's lists."""
    return [
        row
        for found in filter(None, answer.values())
        for name in found
        if name.endswith("_nodes")
        for row in found[name]
    ]


@pytest.fixture
def everything(ask, database, monkeypatch):
    """All answers to somebody that name one of the hidden, by what was asked."""
    lift_limits(monkeypatch)

    async def everything(people: Society, viewer: Person | None, of: frozenset[str] = frozenset()) -> set[str]:
        async with database.reading() as session:
            rows = {name: (await session.scalars(select(SHOWN[name]))).all() for name in SHOWN}
        keys = {name: [ids.encode(row) for row in found] for name, found in rows.items()}
        # Of what there is none, one is asked for that is not there.
        one = defaultdict(lambda: ids.encode_key(SHOWN["User"], 10**9))
        one |= {name: ids.encode(max(found, key=people.weight)) for name, found in rows.items() if found}
        found = await answers(partial(ask, viewer=viewer), one.__getitem__, keys, of=of)
        return {
            name
            for name, answered in found.items()
            if (name.endswith(OF_A_PERSON) and any(map(rows_of, answered))) or seen(answered, people.marks)
        }

    return everything


async def test_who_may_be_seen_is_seen_where_it_is_listed(everything, people):
    found, told = await everything(people, people.viewer), listed()
    asked = {f"Query.{name}" for name in CORE.query_type.fields}
    now = {name: "seen" if name in found else "unseen" for name in sorted(found | asked)}
    wrong = [
        f"{name} {now.get(name, 'is gone')}" for name in now.keys() | told.keys() if now.get(name) != told.get(name)
    ]
    assert not wrong, "\n".join(["people.txt should say:", *sorted(wrong)])


async def test_they_are_named_wherever_somebody_can_be(database, people):
    columns = [
        column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if any(key.column.table.name == "users" for key in column.foreign_keys) and table.name not in APART
    ]
    theirs = [person.id for person in people.hidden.values()]
    async with database.reading() as session:
        named = [await session.scalar(select(exists().where(column.in_(theirs)))) for column in columns]
    assert [str(column) for column, is_named in zip(columns, named, strict=True) if not is_named] == []


@pytest.mark.parametrize("hide", [blocked, blocking, suspended, deleted])
async def test_whom_one_must_not_see_is_in_no_answer(everything, database, people, hide):
    await hide(database, people.viewer, people.hidden.values())
    assert await everything(people, people.viewer) == (OF_ONES_OWN_BLOCKS if hide is blocked else set())


async def test_nobody_else_is_told_whom_one_has_blocked(everything, database, people):
    await blocked(database, people.viewer, people.hidden.values())
    for viewer in (people.between, people.hidden["friend"], None):
        assert not OF_ONES_OWN_BLOCKS & await everything(people, viewer, OF_ONES_OWN_BLOCKS)


@pytest.mark.parametrize("hide", [suspended, deleted])
async def test_strangers_do_not_see_who_is_gone_either(everything, database, people, hide):
    await hide(database, people.viewer, people.hidden.values())
    assert await everything(people, None) == set()


async def test_who_is_muted_is_in_no_feed_nor_suggested_and_is_seen_elsewhere(everything, database, people):
    await muted(database, people.viewer, people.hidden.values())
    assert {name for name, is_seen in listed().items() if is_seen == "seen"} - await everything(
        people, people.viewer
    ) == {"Query.feed", "Query.friendSuggestions", "Query.posts"}
