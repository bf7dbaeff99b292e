"""Names of things: one form, kept by the column whoever writes it, and compared ignoring case where they are unique."""

import unicodedata

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, insert, select
from sqlalchemy import inspect as inspected

from app import checks
from app.errors import Invalid
from app.identifiers import cleaned, is_unseen, normal
from app.models.base import Base
from app.models.mapping.datasets import Dataset
from app.models.names import Name
from app.operations.database.migrate import MIGRATIONS
from app.settings import settings as app_settings
from tests.fuzz import examples

TYPED = "  Cafe\u0301\u00a0  of\u2003trees\ufe0f "
KEPT = "Café of trees"
REFUSED = ["a\u200bb", "a\u200db", "a\u202eb", "\u2066a\u2069", "a\u00adb", "\ufeffa b", "a\u2028b\u3164", "a\u0007b"]


def columns(*, of_lists=False):
    """Each column of names as its table's class, its key and its type."""
    for mapper in Base.registry.mappers:
        for held in mapper.column_attrs:
            kind = held.columns[0].type
            if of_lists and isinstance(kind, ARRAY) and isinstance(kind.item_type, Name):
                yield mapper.class_, held.key
            if not of_lists and isinstance(kind, Name):
                yield mapper.class_, held.key


NAMES, LISTS = sorted(columns(), key=str), sorted(columns(of_lists=True), key=str)


def test_what_has_a_name_keeps_it_in_such_a_column():
    named = {f"{model.__tablename__}.{key}" for model, key in NAMES + LISTS}
    others = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if (column.name in {"name", "acronym", "tags"} or column.name.endswith("_tags"))
        and f"{table.name}.{column.name}" not in named
    }
    # Tags of the map are OpenStreetMap's own, and files and columns of tables have the names that they came with.
    assert others == {
        "aois.label_tags",
        "artifacts.name",
        "consulting_files.name",
        "feedback_labels.tags",
        "label_imports.tags",
        "labels.tags",
        "machine_columns.name",
        "post_hashtags.name",
        "resources.name",
    }
    assert {"datasets.name", "teams.name", "api_keys.name", "models.name", "resources.tags"} <= named


@pytest.mark.parametrize(("model", "key"), NAMES, ids=str)
def test_a_name_is_brought_into_its_form_and_refused_by_its_field(model, key):
    row = inspected(model).class_manager.new_instance()
    kind = model.__table__.c[key].type
    # In mails stand names of teams: of these nothing is left out, they are refused.
    typed = " Cafe\u0301   of " if kind.length < len(KEPT) or kind.rule is checks.public_name else TYPED
    setattr(row, key, typed)
    assert (before := getattr(row, key)) == (KEPT if typed == TYPED else "Café of")
    for refused in [*REFUSED, "x" * (kind.length + 1)]:
        with pytest.raises(Invalid) as told:
            setattr(row, key, refused)
        assert told.value.field == checks.camel_case(key)
    assert getattr(row, key) == before


@pytest.mark.parametrize(("model", "key"), LISTS, ids=str)
def test_a_list_of_names_has_each_once(model, key):
    row = inspected(model).class_manager.new_instance()
    setattr(row, key, ["Fox", TYPED, "fox", KEPT])
    assert getattr(row, key) == ["Fox", KEPT]
    with pytest.raises(Invalid):
        setattr(row, key, ["Fox", "a\u200bb"])


async def test_a_mutation_keeps_and_finds_the_form_and_refuses_the_rest(ask, change, refuse, owner, unchanged):
    made = await change("createDataset", "name", viewer=owner, name=TYPED)
    assert made["name"] == KEPT
    async with unchanged():
        for refused in REFUSED:
            assert (await refuse("createDataset", viewer=owner, name=refused))["field"] == "name"
    document = "query ($name: String) { datasets(search: $name) { edges { node { name } } } }"
    found = await ask(document, name=unicodedata.normalize("NFD", "CAFÉ  of"))
    assert [edge["node"]["name"] for edge in found["datasets"]["edges"]] == [KEPT]


async def test_unique_names_are_compared_in_their_form_and_ignoring_case(change, refuse, owner):
    team = "teams of ÉCOLE"
    await change("createTeam", viewer=owner, name=team)
    for same in (team.lower(), unicodedata.normalize("NFD", team), f" {team.replace(' ', '  ')} "):
        assert (await refuse("createTeam", viewer=owner, name=same))["code"] == "CONFLICT"
    await change("createApiKey", "apiKey { id }", viewer=owner, name="Élan", scopes=["READ"])
    for same in ("ÉLAN", "E\u0301lan"):
        assert (await refuse("createApiKey", viewer=owner, name=same, scopes=["READ"]))["code"] == "CONFLICT"


async def test_statements_write_and_compare_the_form_too(database, owner):
    async with database.writing() as session:
        rows = [{"user_id": owner.id, "name": TYPED + "\u200b"}]
        await session.execute(insert(Dataset), rows)
        assert (await session.scalars(select(Dataset.name).where(Dataset.name == TYPED))).one() == KEPT


@pytest.mark.fuzz
@settings(**examples(200))
@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_the_form_is_one(text):
    form = normal(text)
    assert normal(form) == form == normal(unicodedata.normalize("NFD", text))
    clean = cleaned(text)
    assert cleaned(clean) == clean == normal(clean)
    assert not any(map(is_unseen, clean))


KEYS = ["Field", "f\u200bield", "FIELD ", "Cafe\u0301", "CAFÉ", "field 2", "\u200b"]
PLACES = ["LOC1", "loc1", "Loc1", "loc  2"]


def test_older_names_are_rewritten_and_told_apart(clone_database):
    url = clone_database("older_names")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_settings, "database_url", url)
        command.downgrade(config, "0036")
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute(
                "INSERT INTO users (username, username_key, email_verified, first_name, last_name, is_active, "
                "is_staff, is_super_admin, notifications_delivery_methods, notifications_declined, "
                "newsletter_subscription, account_deletion_requested, security_stamp) "
                "VALUES ('ann', 'ann', true, '', '', true, false, false, '{WEB}', '{}', false, false, 0)"
            )
            for name in KEYS:
                connection.execute(
                    "INSERT INTO api_keys (user_id, name, token_hash, hint, scopes) "
                    "SELECT id, %s, sha256(convert_to(%s, 'UTF8')), 'x', '{READ}' FROM users",
                    (name, name),
                )
            connection.execute(
                "INSERT INTO research_projects (name, acronym, owner_id, keywords) "
                "SELECT 'Deer', 'D', id, ARRAY['Fox', 'fox ', 'a\u200b'] FROM users"
            )
            for name in PLACES:
                connection.execute(
                    "INSERT INTO locations (research_project_id, location_id, point, timezone) "
                    "SELECT id, %s, ST_SetSRID(ST_MakePoint(1, 2), 4326), 'UTC' FROM research_projects",
                    (name,),
                )
        command.upgrade(config, "head")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        keys = [name for (name,) in connection.execute("SELECT name FROM api_keys ORDER BY id")]
        places = [name for (name,) in connection.execute("SELECT location_id FROM locations ORDER BY id")]
        words = connection.execute("SELECT keywords FROM research_projects").fetchone()
    assert keys == ["Field", "field 3", "FIELD 4", "Café", "CAFÉ 2", "field 2", "Unnamed"]
    assert places == ["LOC1", "loc1 2", "Loc1 3", "loc 2"]
    assert words == (["Fox", "a"],)
