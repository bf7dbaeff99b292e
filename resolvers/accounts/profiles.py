"""What people show of themselves."""

import strawberry

from app.models.accounts import Profile
from app.services.accounts.users import profiles
from app.services.accounts.users.profiles import AvatarSize
from app.services.system import uploads
from app.services.system.uploads import UploadLink
from resolvers.context import Info
from resolvers.optional_arguments import given


def avatar_url(root: strawberry.Parent[Profile], size: AvatarSize = AvatarSize.MEDIUM) -> str | None:
    """Where their picture is, for everybody; null without one. Another picture has another address.

    size: How large.
    """
    return profiles.avatar_url(root, size)


async def update_profile(
    info: Info,
    bio: strawberry.Maybe[str | None] = None,
    location: strawberry.Maybe[str | None] = None,
    website: strawberry.Maybe[str | None] = None,
) -> Profile:
    """Changes what is given of the viewer's profile and leaves the rest; null or blank takes it away.

    bio: Who they are, at most 500 characters.
    location: Where they are at home, at most 100 characters.
    website: Their page on the web, at most 200 characters, beginning with https:// or http://.
    """
    changes = given(bio=bio, location=location, website=website)
    async with info.context.writing() as session:
        return await profiles.update_profile(session, info.context.viewer, changes=changes)


async def request_avatar_upload(info: Info, media_type: str, bytes: int) -> UploadLink:
    """A link to send a picture of oneself to; `setAvatar` takes it into use.

    media_type: Its type: image/jpeg, image/png or image/webp.
    bytes: How many bytes it has, at most five million.
    """
    async with uploads.pace_bytes(info.context.rates, info.context.viewer, bytes=bytes):
        return profiles.avatar_upload_link(info.context.viewer, media_type=media_type, bytes=bytes)


async def set_avatar(info: Info, upload: str) -> Profile:
    """Makes a picture that was sent the viewer's: its middle, a square, drawn anew without whatever else it held.

    upload: The `upload` of the link it was sent to.
    """
    viewer = info.context.viewer
    name = await profiles.draw_avatar(viewer, upload)
    async with info.context.writing() as session:
        return await profiles.wear_avatar(session, viewer, name)


async def remove_avatar(info: Info) -> Profile:
    """Takes the viewer's picture away, its files included."""
    async with info.context.writing() as session:
        return await profiles.wear_avatar(session, info.context.viewer, None)
