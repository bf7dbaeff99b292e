"""A row without an owner is nobody's: strangers and others see no more of it than of a third person's.

The rows come from the tables' metadata, so a new table or a new nullable column that names somebody is in here at once.
Each row is made twice, once with a null wherever a column may name a user or a team, once with a third person there.
"""

import inspect
from contextlib import suppress
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import Column, create_engine, select, update
from sqlalchemy import inspect as mapped
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import MANYTOONE

from app.models.accounts import User
from app.models.base import Base, Record, views
from app.operations.processes import servers as private
from app.policies import Viewer, _visibility, accounts, is_viewer, mapping, names_viewer, social, system, visible
from app.settings import settings
from resolvers import ids
from resolvers.system.nodes import SHOWN
from tests.fixtures import Person
from tests.permissions.everything import lift_limits, selection
from tests.permissions.matrix import CORE
from tests.plan.fit import NOWHERE, VIEWERS
from tests.plan.rows import world

SEED = 7
THIRD = 9
"""Somebody who is none of the viewers; `NOWHERE` is a team of which nobody is a member."""
OTHERS = {"users": THIRD, "teams": NOWHERE}
SEEING = {
    "stranger": Viewer(),
    "other": Viewer(VIEWERS["other"], session_id=2),
    "key": Viewer(VIEWERS["other"], key_id=1, scopes=frozenset()),
}


def owner_columns(table: type[Base]) -> dict[str, str]:
    """The nullable columns that name a user or a team, with the table they point at."""
    columns: list[Column[Any]] = list(table.__table__.columns)
    return {
        column.key: key.column.table.name
        for column in columns
        for key in column.foreign_keys
        if column.nullable and key.column.table.name in OTHERS
    }


# The rows of a view are those of tables that are in here themselves.
TABLES = [
    mapper.class_
    for mapper in Base.registry.mappers
    if owner_columns(mapper.class_) and mapper.class_.__tablename__ not in views()
]


@pytest.fixture
async def filled(made_once):
    """Writes the rows; `own` gives the owner columns of every row an owner, or none."""
    engine = create_engine(private.database_url(settings.home, "tests"))  # as its owner, past all foreign keys

    async def fill() -> None:
        world(SEED).fill(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            there = connection.execute(update(User).where(User.id == THIRD).values(is_active=True))
            assert there.rowcount == 1

    await made_once("rows of anybody", fill)

    def own(*, by_nobody: bool) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for table in TABLES:
                for name, of in owner_columns(table).items():
                    # A constraint may forbid one or the other: what cannot be need not be hidden.
                    with suppress(IntegrityError), connection.begin_nested():
                        connection.execute(update(table).values({name: None if by_nobody else OTHERS[of]}))

    yield own
    engine.dispose()


def test_the_tables_that_may_have_no_owner_are_found():
    assert {"Job", "Mail", "AuditEntry", "Label", "Banner", "Prediction"} <= {table.__name__ for table in TABLES}


@pytest.mark.parametrize("who", SEEING)
async def test_nobody_sees_more_of_a_row_without_an_owner(database, filled, who):
    viewer, seen = SEEING[who], {}
    for by_nobody in (False, True):
        filled(by_nobody=by_nobody)
        async with database.reading() as session:
            for table in TABLES:
                found = await session.scalars(visible(table, viewer).with_only_columns(*table.__table__.primary_key))
                seen[table.__name__, by_nobody] = set(found)
    for table in TABLES:
        more = seen[table.__name__, True] - seen[table.__name__, False]
        assert not more, f"{who} sees rows of {table.__name__} only because nobody owns them"


@pytest.mark.parametrize("who", ["stranger", "other"])
async def test_nobody_is_shown_more_of_a_row_without_an_owner(ask, filled, monkeypatch, who):
    lift_limits(monkeypatch)
    viewer = None if who == "stranger" else Person(User(), who)
    shown: dict[bool, dict[str, Any]] = {}
    for by_nobody in (False, True):
        filled(by_nobody=by_nobody)
        shown[by_nobody] = {table.__name__: await _shown(ask, table, viewer) for table in TABLES if is_shown(table)}
    for name, of_nobody in shown[True].items():
        more = {id for id, row in of_nobody.items() if row and not shown[False][name][id]}
        assert not more, f"{who} is shown {name} {more} only because nobody owns it"


def is_shown(table: type[Base]) -> bool:
    return SHOWN.get(table.__name__) is table


async def _shown(ask, table: type[Record], viewer: Person | None) -> dict[str, Any]:
    keys = [ids.encode_key(table, row.id) for row in world(SEED).rows.get(table.__name__, [])]
    below = selection(CORE.type_map[table.__name__], is_whole=True)
    document = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {table.__name__} {below} }} }}"
    answer = await ask(document, viewer=viewer, ids=keys)
    return dict(zip(keys, answer["nodes"], strict=True))


RULES = {
    name: rule
    for module in (accounts, mapping, social, system)
    for name, rule in vars(module).items()
    if name.startswith("may_") and len(inspect.signature(rule).parameters) == 2
}


def ruled(rule: Any) -> list[type[Base]]:
    """The tables a rule is about."""
    [_, about] = [get_type_hints(rule)[name] for name in inspect.signature(rule).parameters]
    kinds = get_args(about) if isinstance(about, UnionType) or get_args(about) else (about,)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Base)]


def row_of(table: type[Base], user_id: int | None) -> Base:
    """A row whose every key to a user is this, and so are those of the rows it hangs on."""
    row: Any = table.__new__(table)
    mapped(table).class_manager.setup_instance(row)
    for column in table.__table__.columns:
        if any(key.column.table.name == "users" for key in column.foreign_keys):
            setattr(row, column.key, user_id)
    for relation in mapped(table).relationships:
        target = relation.mapper.class_
        if relation.direction is MANYTOONE and target not in (User, table) and not relation.viewonly:
            vars(row)[relation.key] = (
                row_of(target, user_id) if relation.key in {"aoi", "dataset", "training", "model"} else None
            )
    return row


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("who", SEEING)
def test_nobody_may_do_more_to_a_row_without_an_owner(name, who):
    rule, viewer = RULES[name], SEEING[who]
    for table in ruled(rule):
        if table is not User:
            assert rule(viewer, row_of(table, None)) <= rule(viewer, row_of(table, THIRD)), f"{who} {name}"


def test_a_null_names_nobody():
    assert not is_viewer(Viewer(), None)
    assert not is_viewer(Viewer(1), None)
    assert not is_viewer(Viewer(), 1)
    assert is_viewer(Viewer(1), 1)
    for user_id in (User.id, mapping.Label.user_id):
        assert str(names_viewer(Viewer(), user_id)) == "false"


@pytest.mark.parametrize("table", _visibility, ids=lambda table: table.__name__)
def test_no_rule_for_strangers_asks_for_a_null_owner(table):
    words = str(select(table).where(_visibility[table](Viewer())))
    _, _, where = words.partition("WHERE")
    assert not [name for name in ("user_id IS", "actor_id IS", "team_id IS", "accused_id IS") if name in where], where
