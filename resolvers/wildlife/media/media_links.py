"""Links to the files of media."""

import strawberry

from app.models.wildlife.media import Resource
from app.services.wildlife.media.files import file_links
from app.services.wildlife.media.files.file_links import MediaSize
from app.services.wildlife.pictures import media
from resolvers.context import Info


async def picture_link(
    root: strawberry.Parent[Resource], info: Info, size: MediaSize = MediaSize.PREVIEW
) -> str | None:
    """A link to the upright picture as WebP, of a video to its first frame; valid for {settings.file_link_s}.

    For viewers outside the research project people and vehicles are blurred, or the picture is withheld and the link
    null, by the rules of its classification projects.

    size: How large it is.
    """
    if await info.context.load.prefetched(root, file_links.of_ones_own_project):
        return file_links.picture_link(info.context.viewer, root, size)
    async with info.context.reading() as session:
        return await media.shared_link(session, info.context.viewer, root, file_links.SIDES[size])


async def original_link(root: strawberry.Parent[Resource], info: Info) -> str | None:
    """A link to the file as it was uploaded, valid for {settings.file_link_s}, or its address. Null for non-members."""
    if not await info.context.load.prefetched(root, file_links.of_ones_own_project):
        return None
    return file_links.original_link(info.context.viewer, root)
