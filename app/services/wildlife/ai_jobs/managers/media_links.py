"""Links by which an AI Manager fetches media: for as long as the person who started the job may see them."""

from urllib.parse import urlsplit

from app.gateways.storage import StoredFile
from app.models.wildlife.media import Resource
from app.policies import Viewer
from app.services import links
from app.settings import settings

MEDIUM_FOR_AI = links.Kind("ai-medium", "files", Resource)


def path_of(user_id: int | None, resource: Resource) -> str:
    """The path of a link to a medium; the manager knows us by another address than people do."""
    link = links.signed(MEDIUM_FOR_AI, Viewer(user_id), resource.id, s=settings.ai_link_s)
    return urlsplit(link).path


@links.leads_to_file(MEDIUM_FOR_AI)
def medium_file(opened: links.Opened) -> StoredFile:
    """The original file of a medium."""
    resource: Resource = opened.row
    return StoredFile(resource.storage_key or "", resource.name, resource.mime_type or "application/octet-stream")
