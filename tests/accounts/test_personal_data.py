"""Whatever belongs to a user is in the export of their data, or its column says why not."""

import pytest
from sqlalchemy import LargeBinary

from app.models.base import Base
from app.services.accounts.users import personal_data


def named(table) -> str:
    return table.__tablename__


def keys_to_people() -> set[str]:
    """The columns that name an account, or that end with a row of a table of which somebody owns rows."""
    exported = {named(table) for table in personal_data.THEIRS}
    return {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table.name == "users" or (key.column.table.name in exported and key.ondelete == "CASCADE")
    }


EXPORTED = {f"{named(table)}.{key.key}" for table, keys in personal_data.THEIRS.items() for key in keys}


LEFT_OUT = {
    f"{table.name}.{column.name}": column.info["not_exported"]
    for table in Base.metadata.tables.values()
    for column in table.columns
    if "not_exported" in column.info
}


def test_whatever_names_a_person_or_ends_with_what_is_theirs_is_exported_or_left_out_for_a_reason():
    assert keys_to_people() == (EXPORTED - {"users.id"}) | set(LEFT_OUT)
    assert all(LEFT_OUT.values())
    assert not EXPORTED & set(LEFT_OUT)


@pytest.mark.parametrize("table", personal_data.THEIRS, ids=named)
def test_no_secret_is_told(table):
    for column in personal_data.exported_columns(table):
        assert not isinstance(column.type, LargeBinary)
        assert not {"hash", "token", "stamp", "secret"} & set(column.key.split("_")), column
        assert column.key == "subject_key" or not column.key.endswith("_key"), column


def test_files_are_in_the_archive_instead_of_their_names():
    named_in = {
        f"{named(table)}.{column.key}": column.info["file"]
        for table in personal_data.THEIRS
        for column in table.__table__.columns
        if "file" in column.info
    }
    assert named_in == {
        "profiles.avatar_key": "avatars/{}/512.webp",
        "posts.media_key": "pictures/{}/1600.webp",
        "consulting_files.storage_key": "{}",
    }
    assert not {
        f"{named(table)}.{column.key}"
        for table in personal_data.THEIRS
        for column in personal_data.exported_columns(table)
    } & set(named_in)
