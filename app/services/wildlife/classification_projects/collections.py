"""Which collections a project classifies. The database gives each of their media a FINAL, and counts."""

from sqlalchemy import delete, func, null, select, update

from app.database import WriteSession
from app.errors import Invalid, NotFound
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.classification_projects import ClassificationProjectCollection
from app.models.wildlife.collections import Collection, CollectionResource
from app.policies import Viewer, signed_in, visible
from app.queue import enqueue
from app.services.wildlife.ai_jobs import automatic
from app.services.wildlife.classifications.access import project_to_change
from app.settings import settings


async def link_collection(
    session: WriteSession, viewer: Viewer, *, project_id: int, collection_id: int
) -> ClassificationProjectCollection:
    """Has a project classify the media of a collection. Those of a large one are added by a job."""
    project = await project_to_change(session, viewer, project_id)
    collection = await session.scalar(visible(Collection, viewer).where(Collection.id == collection_id))
    if collection is None:
        raise NotFound("There is no such collection.")
    if collection.research_project_id != project.research_project_id:
        raise Invalid("collectionId", "The collection is of another research project. Choose one of the same.")
    size = select(func.count()).where(CollectionResource.collection_id == collection.id)
    is_large = (await session.scalar(size) or 0) > settings.collection_fill_max
    link = ClassificationProjectCollection(
        project_id=project.id, collection_id=collection.id, research_project_id=project.research_project_id
    )
    if is_large:
        link.filled_at = null()  # `None` would leave the choice to the column, which says now
    session.add(link)
    await session.flush()
    if is_large:
        await enqueue(session, WildlifeJob.FILL_COLLECTION, subject_id=link.id, user_id=signed_in(viewer))
    else:
        await automatic.offer_media_of_link(session, link.id)
    await session.refresh(link)
    return link


async def fill(session: WriteSession, link_id: int, *, most: int) -> bool:
    """Adds the FINALs of so many media of a large collection; whether all are there now."""
    made = await session.scalar(select(func.fill_collection(link_id, most)))
    if made:
        return False
    of_link = ClassificationProjectCollection.id == link_id
    await session.execute(
        update(ClassificationProjectCollection)
        .where(of_link, ClassificationProjectCollection.filled_at.is_(None))
        .values(filled_at=func.now())
    )
    await automatic.offer_media_of_link(session, link_id)
    return True


async def activate_collection(
    session: WriteSession, viewer: Viewer, link_id: int, *, is_active: bool
) -> ClassificationProjectCollection:
    """Says whether the media of a collection are worked on."""
    link = await _link_to_change(session, viewer, link_id)
    link.is_active = is_active
    await session.flush()
    return link


async def unlink_collection(session: WriteSession, viewer: Viewer, link_id: int) -> ClassificationProjectCollection:
    """Takes a collection out of a project. Media with classifications by people stay in it."""
    link = await _link_to_change(session, viewer, link_id)
    await session.execute(delete(ClassificationProjectCollection).where(ClassificationProjectCollection.id == link.id))
    return link


async def _link_to_change(session: WriteSession, viewer: Viewer, link_id: int) -> ClassificationProjectCollection:
    signed_in(viewer)
    sought = visible(ClassificationProjectCollection, viewer).where(ClassificationProjectCollection.id == link_id)
    link = await session.scalar(sought)
    if link is None:
        raise NotFound("The project has no such collection.")
    await project_to_change(session, viewer, link.project_id)
    return link
