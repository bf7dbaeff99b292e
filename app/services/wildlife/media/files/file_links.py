"""The files of media behind signed links, for members of their project.

What others may see of a picture is drawn for them: `app/services/wildlife/pictures/media.py`.
"""

from enum import Enum

from sqlalchemy import ColumnElement

from app.errors import Expired
from app.gateways.storage import StoredFile
from app.models.wildlife.media import Resource, ResourceStatus
from app.pictures import MEDIA_TYPE
from app.pictures.previews import PREVIEW_SIDE, THUMBNAIL_SIDE
from app.policies import AnyViewer, Viewer
from app.policies.wildlife.projects import is_member
from app.services import links


def of_ones_own_project(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer is a member of the project of a medium."""
    return is_member(viewer, Resource.research_project_id)


ORIGINAL = links.Kind("medium", "files", Resource, also=of_ones_own_project)
PICTURE = links.Kind("medium-picture", "files", Resource, also=of_ones_own_project)


class MediaSize(Enum):
    """How large a picture of a medium is: at most 400 or 1 600 pixels along its longer side.

    THUMBNAIL: At most 400 pixels.
    PREVIEW: At most 1 600 pixels.
    """

    THUMBNAIL = "THUMBNAIL"
    PREVIEW = "PREVIEW"


SIDES = {MediaSize.THUMBNAIL: THUMBNAIL_SIDE, MediaSize.PREVIEW: PREVIEW_SIDE}


def picture_link(viewer: Viewer, resource: Resource, size: MediaSize) -> str | None:
    """A temporary link to a picture of a medium; None if there is none."""
    if _picture_key(resource, size) is None:
        return None
    return links.signed(PICTURE, viewer, resource.id, size.value)


def original_link(viewer: Viewer, resource: Resource) -> str | None:
    """A temporary link to the file as it was uploaded, or the address of a medium that is elsewhere."""
    if resource.status is ResourceStatus.ADDRESS:
        return resource.file_path
    return links.signed(ORIGINAL, viewer, resource.id)


@links.leads_to_file(PICTURE)
def picture_file(opened: links.Opened) -> StoredFile:
    """The picture that a link leads to."""
    resource: Resource = opened.row
    [name] = opened.facts
    key = _picture_key(resource, MediaSize(name))
    if key is None:
        raise Expired(links.GONE)
    return StoredFile(key, f"{resource.id}.webp", MEDIA_TYPE)


@links.leads_to_file(ORIGINAL)
def original_file(opened: links.Opened) -> StoredFile:
    """The original that a link leads to; its holder is a member still."""
    resource: Resource = opened.row
    if resource.storage_key is None:
        raise Expired(links.GONE)
    return StoredFile(resource.storage_key, resource.name, resource.mime_type or "application/octet-stream")


def _picture_key(resource: Resource, size: MediaSize) -> str | None:
    return resource.thumbnail_key if size is MediaSize.THUMBNAIL else resource.preview_key
