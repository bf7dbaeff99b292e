"""Runs migrations on the database the settings name; `alembic` is configured in pyproject.toml."""

from alembic import context
from alembic.autogenerate.api import AutogenContext
from geoalchemy2 import alembic_helpers
from sqlalchemy import Table, create_engine, pool
from sqlalchemy.schema import SchemaItem

from app.geometry.columns import Shape
from app.models.base import Base
from app.models.names import Name
from app.settings import settings


def render_item(kind: str, item: object, autogen_context: AutogenContext) -> str | bool:
    """Writes our own column type by its name."""
    if kind == "type" and isinstance(item, Shape):
        autogen_context.imports.add("from app.geometry.columns import Shape")
        return f'Shape("{item.kind}")'
    if kind == "type" and isinstance(item, Name):
        return f"sa.String(length={item.length})"
    return alembic_helpers.render_item(kind, item, autogen_context)


def include_object(thing: SchemaItem, name: str, kind: str, reflected: bool, other: SchemaItem | None) -> bool:
    """Leaves out views, which are written by hand, and what PostGIS brings."""
    is_view = isinstance(thing, Table) and "is_view" in thing.info
    return not is_view and alembic_helpers.include_object(thing, name, kind, reflected, other)


def migrate() -> None:
    """Each migration in a transaction of its own, on one connection."""
    # The helpers keep PostGIS's own tables out of sight and GiST indexes from being made twice.
    options = {
        "target_metadata": Base.metadata,
        "include_object": include_object,
        "process_revision_directives": alembic_helpers.writer,
        "render_item": render_item,
        "transaction_per_migration": True,
    }
    given = context.config.attributes.get("connection")
    if given is not None:
        context.configure(connection=given, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(str(settings.database_url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


migrate()
