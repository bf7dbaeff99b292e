"""Keep names in one form, and compare those of places ignoring case"""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.identifiers import cleaned

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

BATCH = 1_000
NAMELESS = "Unnamed"
# Each column of names and its length.
NAMES = [
    ("api_keys", "name", 50),
    ("teams", "name", 200),
    ("datasets", "name", 50),
    ("models", "name", 50),
    ("research_projects", "name", 255),
    ("research_projects", "acronym", 10),
    ("collections", "name", 255),
    ("classificators", "name", 255),
    ("classification_projects", "name", 255),
    ("ai_providers", "name", 200),
    ("species_classifier_trainings", "name", 120),
    ("locations", "location_id", 100),
    ("locations", "name", 255),
    ("locations", "country", 100),
    ("locations", "state", 100),
    ("locations", "county", 100),
    ("locations", "city", 100),
    ("deployments", "deployment_code", 100),
    ("deployments", "deployment_id", 201),
    ("deployments", "session", 100),
    ("deployments", "array", 100),
]
LISTS = [
    ("research_projects", "keywords", 50),
    ("resources", "tags", 100),
    ("deployments", "deployment_tags", 100),
    ("deployments", "deployment_groups", 100),
]
MAY_BE_NULL = {"country", "state", "county", "city", "session", "array"}
# Each unique index of names: its table, the column whose rows it compares, and the name.
UNIQUE = {
    "uq_api_keys_user_id_name": ("api_keys", "user_id", "name"),
    "uq_teams_admin_user_id_name": ("teams", "admin_user_id", "name"),
    "uq_research_projects_name": ("research_projects", None, "name"),
    "uq_research_projects_acronym": ("research_projects", None, "acronym"),
    "uq_collections_name": ("collections", "research_project_id", "name"),
    "uq_classificators_name": ("classificators", None, "name"),
    "uq_classification_projects_name": ("classification_projects", "research_project_id", "name"),
    "uq_locations_location_id": ("locations", "research_project_id", "location_id"),
    "uq_deployments_deployment_id": ("deployments", "research_project_id", "deployment_id"),
}
NEW = {
    "uq_locations_location_id": "uq_locations_research_project_id_location_id",
    "uq_deployments_deployment_id": "uq_deployments_research_project_id_deployment_id",
}
LENGTHS = {(table, column): length for table, column, length in NAMES}


def upgrade() -> None:
    for name, (table, _, _) in UNIQUE.items():
        if name in NEW:
            op.drop_constraint(NEW[name], table, type_="unique")
        else:
            op.drop_index(name, table_name=table)
    for table, column, length in NAMES:
        _rewrite(table, column, lambda name, length=length: cleaned(name)[:length].strip())
    for table, column, length in LISTS:
        _rewrite(table, column, lambda names, length=length: _each_once(names, length))
    for name, (table, scope, column) in UNIQUE.items():
        _tell_apart(table, scope, column)
        op.create_index(name, table, [*filter(None, [scope]), sa.text(f"lower({column})")], unique=True)


def _each_once(names: list[str], length: int) -> list[str]:
    kept: dict[str, str] = {}
    for each in names:
        if name := cleaned(each)[:length].strip():
            kept.setdefault(name.lower(), name)
    return list(kept.values())


def _table(name: str, *columns: str | None) -> sa.TableClause:
    return sa.table(name, sa.column("id"), *(sa.column(column) for column in columns if column))


def _pages(table: sa.TableClause, column: str) -> Iterator[list[Any]]:
    value, last = table.c[column], 0
    while rows := list(
        op.get_bind().execute(
            sa.select(table.c.id, value.label("value"))
            .where(table.c.id > last, value.is_not(None))
            .order_by(table.c.id)
            .limit(BATCH)
        )
    ):
        last = rows[-1].id
        yield rows


def _rewrite(name: str, column: str, rule: Callable[[Any], Any]) -> None:
    """Brings the values of a column into their new form; only those that differ are written."""
    table = _table(name, column)
    write = sa.update(table).where(table.c.id == sa.bindparam("row_id")).values({column: sa.bindparam("new")})
    empty = None if column in MAY_BE_NULL or (name, column) == ("locations", "name") else NAMELESS
    for rows in _pages(table, column):
        values = [(row, rule(row.value)) for row in rows]
        changes = [
            {"row_id": row.id, "new": empty if value == "" else value} for row, value in values if value != row.value
        ]
        if changes:
            op.get_bind().execute(write, changes)


def _tell_apart(name: str, scope: str | None, column: str) -> None:
    """Numbers younger rows whose name an older one has, ignoring case."""
    table, connection = _table(name, scope, column), op.get_bind()
    value = table.c[column]
    within = [table.c[scope]] if scope else []
    number = sa.func.row_number().over(partition_by=[*within, sa.func.lower(value)], order_by=table.c.id)
    named = sa.select(table.c.id, value.label("value"), *within, number.label("number")).subquery()
    for row in list(connection.execute(sa.select(named).where(named.c.number > 1).order_by(named.c.id))):
        others = [each == getattr(row, each.name) for each in within]
        number_given = 2
        while connection.scalar(
            sa.select(
                sa.exists().where(
                    sa.func.lower(value) == sa.func.lower(_numbered(name, column, row.value, number_given)), *others
                )
            )
        ):
            number_given += 1
        new = _numbered(name, column, row.value, number_given)
        connection.execute(sa.update(table).where(table.c.id == row.id).values({column: new}))


def _numbered(table: str, column: str, name: str, number: int) -> str:
    suffix = f" {number}"
    return name[: LENGTHS[table, column] - len(suffix)].rstrip() + suffix


def downgrade() -> None:
    for name, (table, scope, column) in UNIQUE.items():
        if name in NEW:
            op.drop_index(name, table_name=table)
            op.create_unique_constraint(NEW[name], table, [scope, column])
