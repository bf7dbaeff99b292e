"""Fetching media that are known by their addresses."""

import strawberry

from app.models.wildlife.collections import Collection
from app.models.wildlife.media import Resource
from app.models.wildlife.projects import ResearchProject
from app.models.wildlife.uploads import MediaReading
from app.services.wildlife.media.files import fetching
from resolvers import ids
from resolvers.context import Info


async def fetch_media(
    info: Info,
    research_project_id: strawberry.ID,
    resource_ids: list[strawberry.ID] | None = None,
    collection_id: strawberry.ID | None = None,
) -> MediaReading:
    """Starts one job that fetches media which are known by their addresses, and reads them.

    Addresses in private networks are refused. A medium that could not be fetched says why in `readError`; ask again to
    try again.

    research_project_id: The research project.
    resource_ids: The media, at most {settings.media_uploads_at_once_max}.
    collection_id: A collection instead: of its media with an address, the first {settings.media_fetched_at_once_max}.
    """
    async with info.context.writing() as session:
        return await fetching.start_fetching(
            session,
            info.context.viewer,
            project_id=ids.key(research_project_id, ResearchProject),
            resource_ids=None if resource_ids is None else [ids.key(id, Resource) for id in resource_ids],
            collection_id=None if collection_id is None else ids.key(collection_id, Collection),
        )
