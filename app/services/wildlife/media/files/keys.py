"""Where the files of media are kept: below their project, under names that say nothing of what is in them."""

from uuid import uuid4

FOLDER = "media"


def fresh(project_id: int) -> str:
    """A key that no file has yet."""
    return f"{FOLDER}/{project_id}/{uuid4().hex}"


def thumbnail_of(key: str) -> str:
    """Where the thumbnail of a medium is kept."""
    return f"{key}.thumbnail.webp"


def preview_of(key: str) -> str:
    """Where the preview of a medium is kept."""
    return f"{key}.preview.webp"
