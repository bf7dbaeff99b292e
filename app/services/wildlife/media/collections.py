"""Collections of media."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Invalid, NotFound
from app.limits import wildlife as limits
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.media import Resource
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import WORKERS
from app.services.system import audit
from app.services.wildlife.ai_jobs import automatic
from app.services.wildlife.projects.access import project_to_work_in
from app.settings import settings


async def collection_to_change(session: ReadSession, viewer: Viewer, collection_id: int) -> Collection:
    """A collection of a project that the viewer works in, locked."""
    query = visible(Collection, viewer).where(Collection.id == collection_id)
    collection = await session.scalar(query.with_for_update(key_share=True, of=Collection))
    if collection is None:
        raise NotFound("There is no such collection.")
    await project_to_work_in(session, viewer, collection.research_project_id, WORKERS)
    return collection


def _description(value: str | None) -> str | None:
    return checks.optional_text("description", value, length_max=limits.ABSTRACT_LENGTH_MAX)


async def create_collection(
    session: WriteSession, viewer: Viewer, project_id: int, *, name: str, description: str | None
) -> Collection:
    """A new empty collection."""
    project = await project_to_work_in(session, viewer, project_id, WORKERS, is_locked=True)
    collection = Collection(
        research_project_id=project.id,
        owner_id=signed_in(viewer),
        name=name,
        description=_description(description),
    )
    session.add(collection)
    await session.flush()
    return collection


async def update_collection(
    session: WriteSession, viewer: Viewer, collection_id: int, changes: Mapping[str, Any]
) -> Collection:
    """Updates the given fields."""
    collection = await collection_to_change(session, viewer, collection_id)
    if "name" in changes:
        collection.name = changes["name"]
    if "description" in changes:
        collection.description = _description(changes["description"])
    await session.refresh(collection)
    return collection


async def delete_collection(session: WriteSession, viewer: Viewer, collection_id: int) -> Collection:
    """Deletes a collection; its media stay."""
    collection = await collection_to_change(session, viewer, collection_id)
    audit.record(session, signed_in(viewer), "deleteCollection", about=collection)
    await session.execute(delete(Collection).where(Collection.id == collection.id))
    return collection


def checked_keys(keys: Sequence[int]) -> list[int]:
    """The keys of media, if there are not too many."""
    if not 1 <= len(keys) <= settings.list_length_max:
        raise Invalid("resourceIds", f"Give 1 to {settings.list_length_max} media; these are {len(keys)}.")
    return sorted(set(keys))


async def add_to_collection(
    session: WriteSession,
    viewer: Viewer,
    collection_id: int,
    *,
    resource_ids: Sequence[int] = (),
    deployment_id: int | None = None,
) -> Collection:
    """Puts media of the same project into a collection: those named, or all of a deployment."""
    collection = await collection_to_change(session, viewer, collection_id)
    of_project = Resource.research_project_id == collection.research_project_id
    which: ColumnElement[bool]
    if deployment_id is None:
        keys = checked_keys(resource_ids)
        which = Resource.id.in_(keys)
        if await session.scalar(select(func.count()).where(which, of_project)) != len(keys):
            raise NotFound("Some of these media are not there, or belong to another research project.")
    else:
        which = Resource.deployment_id == deployment_id
    rows = select(literal(collection.id), Resource.id, Resource.research_project_id).where(which, of_project)
    columns = ["collection_id", "resource_id", "research_project_id"]
    await session.execute(
        insert(CollectionResource).from_select(columns, rows.order_by(Resource.id)).on_conflict_do_nothing()
    )
    await automatic.offer_media_of(session, [collection.id])
    return collection


async def remove_from_collection(
    session: WriteSession, viewer: Viewer, collection_id: int, *, resource_ids: Sequence[int]
) -> Collection:
    """Takes media out of a collection; they stay in the project."""
    collection = await collection_to_change(session, viewer, collection_id)
    await session.execute(
        delete(CollectionResource).where(
            CollectionResource.collection_id == collection.id,
            CollectionResource.resource_id.in_(checked_keys(resource_ids)),
        )
    )
    return collection
