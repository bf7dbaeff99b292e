"""Public profiles."""

import strawberry

from app.models.accounts import Profile
from app.services.accounts.users import profiles
from app.services.accounts.users.profiles import AvatarSize
from app.services.system.files import uploads
from app.services.system.files.uploads import UploadLink
from resolvers.context import Info
from resolvers.optional_arguments import provided


def avatar_url(root: strawberry.Parent[Profile], size: AvatarSize = AvatarSize.MEDIUM) -> str | None:
    """The public URL of the profile picture; null without one. The URL changes with the picture.

    size: The size of the picture.
    """
    return profiles.avatar_url(root, size)


async def update_profile(
    info: Info,
    bio: strawberry.Maybe[str | None] = None,
    location: strawberry.Maybe[str | None] = None,
    website: strawberry.Maybe[str | None] = None,
) -> Profile:
    """Updates the given fields of the viewer's profile; null or blank clears a field.

    bio: A short biography, at most {accounts.BIO_LENGTH_MAX} characters.
    location: Where the user lives, at most {accounts.LOCATION_LENGTH_MAX} characters.
    website: A web page, at most {texts.URL_LENGTH_MAX} characters, starting with https:// or http://.
    """
    changes = provided(bio=bio, location=location, website=website)
    async with info.context.writing() as session:
        return await profiles.update_profile(session, info.context.viewer, changes=changes)


async def request_avatar_upload(info: Info, media_type: str, bytes: int) -> UploadLink:
    """Returns a link to upload a profile picture to; `setAvatar` then uses it.

    media_type: The media type: image/jpeg, image/png or image/webp.
    bytes: The size in bytes, at most {settings.avatar_bytes_max}.
    """
    viewer = info.context.viewer
    async with uploads.pace_bytes(info.context.rates, viewer, bytes=bytes), info.context.writing() as session:
        return await profiles.avatar_upload_link(session, viewer, media_type=media_type, bytes=bytes)


async def set_avatar(info: Info, upload: str) -> Profile:
    """Sets the viewer's profile picture. The upload is cropped to the central square and re-encoded without metadata.

    upload: The `upload` value of the link.
    """
    viewer = info.context.viewer
    avatar = await profiles.draw_avatar(viewer, upload)
    async with info.context.writing() as session:
        return await profiles.wear_avatar(session, viewer, avatar)


async def remove_avatar(info: Info) -> Profile:
    """Removes the viewer's profile picture and its files."""
    async with info.context.writing() as session:
        return await profiles.wear_avatar(session, info.context.viewer, None)
