"""Pictures of posts: re-encoded after upload, and deleted with the post.

A picture has a random number: once no post shows it, none ever will, so its files can be deleted safely.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import exists, select

from app import parsing, pictures
from app.database import Database, WriteSession, after_commit
from app.errors import Expired, Invalid, Unavailable
from app.gateways import storage
from app.gateways.storage import StoredFile
from app.models.kinds.social import SocialJob
from app.models.reports import Report, ReportState
from app.models.social import Post
from app.policies import Viewer
from app.queue import enqueue
from app.services import links
from app.services.accounts.users.profiles import drawing_at_once
from app.services.system.files.uploads import Uploaded, UploadLink, upload_link, uploaded, use_up
from app.settings import settings

PICTURE = links.Kind("picture", "files", Post)
EVIDENCE = links.Kind("evidence", "files", Report)
USE = "post"
FOLDER = "pictures"
NUMBER_BITS = 62
_IS_OPEN = Report.state == ReportState.OPEN


class PictureSize(Enum):
    """The maximum length of the longer side of a picture, in pixels: 400 or 1 600.

    SMALL: At most 400 pixels.
    LARGE: At most 1 600 pixels.
    """

    SMALL = 400
    LARGE = 1_600


class Picture(NamedTuple):
    """A re-encoded picture."""

    number: int
    width: int
    height: int
    size_bytes: int
    upload_key: str


async def post_upload_link(session: WriteSession, viewer: Viewer, *, media_type: str, bytes: int) -> UploadLink:
    """An upload link for a picture of a post."""
    if media_type not in pictures.FORMATS:
        raise Invalid("mediaType", f"Use one of the types {', '.join(pictures.FORMATS)}.")
    return await upload_link(
        session, viewer, use=USE, media_type=media_type, bytes=bytes, bytes_max=settings.picture_bytes_max
    )


@asynccontextmanager
async def drawn_picture(viewer: Viewer, upload: str | None) -> AsyncIterator[Picture | None]:
    """Re-encodes the uploaded picture. If the use of it fails, the upload stays available for another post."""
    if upload is None:
        yield None
        return
    sent = await uploaded(viewer, upload, use=USE)
    picture = await _draw(sent)
    try:
        yield picture
    except Exception:
        await remove_picture(picture.number)
        raise


async def _draw(sent: Uploaded) -> Picture:
    async with drawing_at_once(asyncio.get_running_loop()):
        drawn: Mapping[int, Sequence[Any]] = await parsing.run(
            pictures.within,
            "upload",
            await storage.get(sent.key),
            sent.media_type,
            [size.value for size in PictureSize],
            settings.picture_pixels_max,
            cpu_s_max=settings.picture_cpu_s_max,
            field="upload",
        )
    number = secrets.randbits(NUMBER_BITS)
    size_bytes = 0
    for size in PictureSize:
        content, *_ = drawn[size.value]
        await storage.put(_key(number, size), content, media_type=pictures.MEDIA_TYPE)
        size_bytes += len(content)
    _, width, height = drawn[PictureSize.LARGE.value]
    return Picture(number, width, height, size_bytes, sent.key)


async def show_picture(session: WriteSession, post: Post, picture: Picture | None) -> None:
    """Sets the picture of a post; the previous files are deleted after the transaction."""
    await discard_picture(session, post)
    post.media_key = None if picture is None else str(picture.number)
    post.media_type = None if picture is None else pictures.MEDIA_TYPE
    post.media_width, post.media_height = (None, None) if picture is None else (picture.width, picture.height)
    post.media_bytes = 0 if picture is None else picture.size_bytes
    if picture is not None:
        await use_up(session, picture.upload_key)
        after_commit(session, partial(storage.delete, picture.upload_key))


async def discard_picture(session: WriteSession, post: Post) -> None:
    """Deletes the files of a post's picture, unless staff still need it for a report."""
    if post.media_key is None:
        return
    is_evidence = Report.evidence_key == post.media_key, Report.subject_type == "Post", Report.subject_key == post.id
    if not await session.scalar(select(exists().where(*is_evidence, _IS_OPEN))):
        await enqueue(session, SocialJob.REMOVE_PICTURE, subject_id=int(post.media_key), user_id=post.author_id)


async def remove_picture(number: int) -> None:
    """Deletes the files of a picture."""
    await storage.delete(f"{FOLDER}/{number}")


async def prune_pictures(database: Database) -> None:
    """Deletes pictures that no post and no open report shows; new ones are left alone, since a post may be about to."""
    async for keys in storage.old(FOLDER, age_s=settings.uploads_kept_hours * 3_600):
        names = {key.split("/")[1] for key in keys}
        async with database.reading() as session:
            used_keys = set(await session.scalars(select(Post.media_key).where(Post.media_key.in_(names))))
            used_keys |= set(
                await session.scalars(select(Report.evidence_key).where(Report.evidence_key.in_(names), _IS_OPEN))
            )
        await storage.delete_all([key for key in keys if key.split("/")[1] not in used_keys])


def picture_url(viewer: Viewer, post: Post, size: PictureSize) -> str:
    """A temporary public URL of a post's picture."""
    if post.media_key is None:
        raise Unavailable("This post has no uploaded picture.")
    return links.signed(PICTURE, viewer, post.id, post.media_key, size.value)


def evidence_url(viewer: Viewer, report: Report) -> str | None:
    """A temporary public URL of the picture that an open report is about."""
    if not _may_see_evidence(viewer, report):
        return None
    return links.signed(EVIDENCE, viewer, report.id)


@links.leads_to_file(PICTURE)
def picture_file(opened: links.Opened) -> StoredFile:
    """The picture that a link leads to, as long as the post shows it."""
    post: Post = opened.row
    name, size = opened.facts
    if post.media_key != name:
        raise Expired(links.GONE)
    return _file(name, PictureSize(size))


@links.leads_to_file(EVIDENCE)
def evidence_file(opened: links.Opened) -> StoredFile:
    """The picture that a link leads to, as long as staff have not decided about it."""
    report: Report = opened.row
    if not _may_see_evidence(opened.holder, report):
        raise Expired(links.GONE)
    return _file(str(report.evidence_key), PictureSize.LARGE)


def _may_see_evidence(viewer: Viewer, report: Report) -> bool:
    return viewer.is_staff and report.evidence_key is not None and report.state is ReportState.OPEN


def _file(name: str, size: PictureSize) -> StoredFile:
    return StoredFile(_key(name, size), "picture.webp", pictures.MEDIA_TYPE)


def _key(number: int | str, size: PictureSize) -> str:
    return f"{FOLDER}/{number}/{size.value}.webp"
