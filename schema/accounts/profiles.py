"""GraphQL types for public profiles."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.models.kinds.system import SystemRateLimit
from app.services.accounts.users.profiles import AvatarSize
from resolvers.accounts import profiles as resolve
from resolvers.enums import show_enum
from schema.fields import field, mutation, one
from schema.files import UploadLink
from schema.problems import InvalidInput, Unavailable
from schema.row import Row

if TYPE_CHECKING:
    from schema.accounts.users import User

show_enum(AvatarSize)


class Profile(Row, of=account_tables.Profile):
    bio: auto
    location: auto
    website: auto
    created_at: auto
    updated_at: auto
    avatar_url: str | None = field(resolve.avatar_url)
    user: Annotated["User", strawberry.lazy("schema.accounts.users")] = one(account_tables.Profile.user)


@strawberry.type
class ProfilesMutation:
    update_profile: Profile | InvalidInput = mutation(resolve.update_profile)
    request_avatar_upload: UploadLink | InvalidInput = mutation(
        resolve.request_avatar_upload, rate_limit=SystemRateLimit.UPLOADS
    )
    set_avatar: Profile | InvalidInput | Unavailable = mutation(resolve.set_avatar)
    remove_avatar: Profile = mutation(resolve.remove_avatar)
