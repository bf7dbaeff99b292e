"""What the viewer's files take."""

from app.services.system.files import storage_usage as service
from app.services.system.files.storage_usage import Stored
from resolvers.context import Info


async def storage_usage(info: Info) -> Stored:
    """The storage that the viewer's files use, and the limit."""
    async with info.context.reading() as session:
        return await service.stored(session, info.context.viewer)
