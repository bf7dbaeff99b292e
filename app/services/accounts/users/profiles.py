"""Public profiles and profile pictures."""

import asyncio
import secrets
from collections.abc import Mapping
from enum import Enum
from functools import cache, partial
from typing import NamedTuple

from sqlalchemy import select

from app import checks, parsing, pictures
from app.database import Database, ReadSession, WriteSession, after_commit
from app.errors import Invalid, NotFound
from app.gateways import storage
from app.gateways.outside import check_url
from app.limits.accounts import BIO_LENGTH_MAX, LOCATION_LENGTH_MAX
from app.limits.texts import URL_LENGTH_MAX
from app.models.accounts import Profile, User
from app.policies import Viewer, signed_in, visible
from app.services.system import audit
from app.services.system.files.uploads import UploadLink, upload_link, uploaded, use_up
from app.settings import settings

USE = "avatar"
FOLDER = "avatars"
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")


class AvatarSize(Enum):
    """The side of the square, in pixels: 64, 256 or 512.

    SMALL: 64 pixels.
    MEDIUM: 256 pixels.
    LARGE: 512 pixels.
    """

    SMALL = 64
    MEDIUM = 256
    LARGE = 512


SIDES = [size.value for size in AvatarSize]


async def update_profile(session: WriteSession, viewer: Viewer, *, changes: Mapping[str, str | None]) -> Profile:
    """Updates the text fields of the viewer's profile."""
    profile = await _own(session, viewer)
    for name, value in changes.items():
        setattr(profile, name, _checked(name, value))
    await session.flush()
    audit.record(session, profile.id, "updateProfile", about=profile, changed=sorted(changes))
    return profile


async def empty_profile(session: WriteSession, user_id: int) -> None:
    """Clears a user's profile but for their name; `prune_avatars` deletes the picture."""
    user = await session.get_one(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
    profile = await session.get_one(Profile, user_id, with_for_update=True, populate_existing=True)
    user.user_profile = profile.avatar_key = profile.website = None
    user.first_name = user.last_name = profile.bio = profile.location = ""
    profile.avatar_bytes = 0
    await session.flush()


async def _own(session: WriteSession, viewer: Viewer) -> Profile:
    query = visible(Profile, viewer).where(Profile.id == signed_in(viewer)).with_for_update()
    return (await session.scalars(query)).one()


def _checked(name: str, value: str | None) -> str | None:
    match name:
        case "bio":
            return checks.optional_text("bio", value, length_max=BIO_LENGTH_MAX) or ""
        case "location":
            most = LOCATION_LENGTH_MAX
            return checks.optional_text("location", value, length_max=most, is_one_line=True) or ""
    website = checks.optional_text("website", value, length_max=URL_LENGTH_MAX, is_one_line=True)
    return None if website is None else check_url("website", website)


async def avatar_upload_link(session: WriteSession, viewer: Viewer, *, media_type: str, bytes: int) -> UploadLink:
    """An upload link for a profile picture."""
    if media_type not in MEDIA_TYPES:
        raise Invalid("mediaType", f"Use one of the types {', '.join(MEDIA_TYPES)}.")
    return await upload_link(
        session, viewer, use=USE, media_type=media_type, bytes=bytes, bytes_max=settings.avatar_bytes_max
    )


@cache
def drawing_at_once(_loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    """Limits how many pictures are processed at the same time."""
    return asyncio.Semaphore(settings.pictures_drawn_at_once)


class Avatar(NamedTuple):
    """A profile picture in every size: the name they are stored under, and their bytes together."""

    name: str
    size_bytes: int
    upload_key: str


async def draw_avatar(viewer: Viewer, upload: str) -> Avatar:
    """Processes the uploaded picture in every size.

    The name is new each time: once no profile uses it, none ever will, so its files can be deleted safely.
    """
    sent = await uploaded(viewer, upload, use=USE)
    name = secrets.token_hex(16)
    try:
        async with drawing_at_once(asyncio.get_running_loop()):
            drawn = await parsing.run(
                pictures.squares,
                "upload",
                await storage.get(sent.key),
                sent.media_type,
                SIDES,
                settings.avatar_pixels_max,
                cpu_s_max=settings.picture_cpu_s_max,
                field="upload",
            )
        for side, content in drawn.items():
            await storage.put(_key(name, side), content, media_type=pictures.MEDIA_TYPE)
    finally:
        await storage.delete(sent.key)
    return Avatar(name, sum(map(len, drawn.values())), sent.key)


async def wear_avatar(session: WriteSession, viewer: Viewer, avatar: Avatar | None) -> Profile:
    """Sets or removes the profile picture. The previous files are deleted once this is committed."""
    profile = await _own(session, viewer)
    before, profile.avatar_key = profile.avatar_key, avatar and avatar.name
    profile.avatar_bytes = 0 if avatar is None else avatar.size_bytes
    if avatar is not None:
        await use_up(session, avatar.upload_key)
    await session.flush()
    audit.record(session, profile.id, "removeAvatar" if avatar is None else "setAvatar", about=profile)
    if before is not None:
        # What fails is left to `prune_avatars`.
        after_commit(session, partial(storage.delete, f"{FOLDER}/{before}"))
    return profile


async def prune_avatars(database: Database) -> None:
    """Deletes unused pictures; new ones are left alone, since a profile may be about to use them."""
    async for keys in storage.old(FOLDER, age_s=settings.uploads_kept_hours * 3_600):
        names = {key.split("/")[1] for key in keys}
        async with database.reading() as session:
            worn = set(await session.scalars(select(Profile.avatar_key).where(Profile.avatar_key.in_(names))))
        await storage.delete_all([key for key in keys if key.split("/")[1] not in worn])


def avatar_url(profile: Profile, size: AvatarSize) -> str | None:
    """The public URL of a picture, valid while it is in use."""
    if profile.avatar_key is None:
        return None
    return f"{(settings.public_url or '').rstrip('/')}/{_key(profile.avatar_key, size.value)}"


async def check_worn(session: ReadSession, name: str) -> None:
    """NotFound unless somebody wears this picture whom everybody sees."""
    query = visible(Profile, Viewer()).where(Profile.avatar_key == name).with_only_columns(Profile.id)
    if await session.scalar(query) is None:
        raise NotFound("There is no such picture.")


async def avatar(name: str, side: int) -> bytes:
    """A picture; NotFound if there is none of this name and size."""
    return await storage.get(_key(name, side))


def _key(name: str, side: int) -> str:
    return f"{FOLDER}/{name}/{side}.webp"
