"""What clients see of friends, requests, and keeping away."""

import strawberry
from strawberry import auto

from app import models as tables
from app.services import social
from resolvers import social as resolve
from schema.accounts import User
from schema.fields import Connection, connection, cursor, field, mutation, one, subscription
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

for enum in (social.FriendshipChange, resolve.FriendRequestDirection):
    strawberry.enum(enum, description=enum.__doc__)


class Friendship(Row, of=tables.Friendship):
    created_at: auto
    user: User = one(tables.Friendship.user)
    friend: User = one(tables.Friendship.friend)


class FriendRequest(Row, of=tables.FriendRequest):
    created_at: auto
    from_user: User = one(tables.FriendRequest.from_user)
    to_user: User = one(tables.FriendRequest.to_user)


class Block(Row, of=tables.Block):
    username: auto
    created_at: auto


class Mute(Row, of=tables.Mute):
    expires_at: auto
    created_at: auto
    muted: User | None = one(tables.Mute.muted)


@shows(resolve.Unblocked)
class Unblocked:
    username: str = strawberry.field(description="Their username when they were blocked.")


@shows(social.Asked)
class FriendRequestSent:
    request: FriendRequest | None = strawberry.field(description="The request; null if the two are friends now.")
    friendship: Friendship | None = strawberry.field(
        description="The friendship, as the viewer has it; null if not yet."
    )


@shows(social.FriendSuggestion)
class FriendSuggestion:
    user: User = strawberry.field(description="Who it is.")
    mutual_friends_count: int = strawberry.field(description="How many friends they share with the viewer.")


@shows(resolve.FriendshipEvent)
class FriendshipEvent:
    cursor: str = cursor()
    change: social.FriendshipChange = strawberry.field(description="What has happened.")
    user: User | None = strawberry.field(description="With whom; null if they are not to be seen any more.")


@strawberry.type
class FriendsQuery:
    friend_requests: Connection[FriendRequest] = connection(resolve.friend_requests)
    friend_suggestions: list[FriendSuggestion] = field(resolve.friend_suggestions)
    blocks: Connection[Block] = connection(resolve.blocks)
    mutes: Connection[Mute] = connection(resolve.mutes)


@strawberry.type
class FriendsMutation:
    send_friend_request: FriendRequestSent | InvalidInput | Conflict | LimitReached = mutation(
        resolve.send_friend_request
    )
    accept_friend_request: Friendship = mutation(resolve.accept_friend_request)
    decline_friend_request: User = mutation(resolve.decline_friend_request)
    cancel_friend_request: User | InvalidInput | Conflict = mutation(resolve.cancel_friend_request)
    remove_friend: User | InvalidInput | Conflict = mutation(resolve.remove_friend)
    block_user: Block | InvalidInput | LimitReached = mutation(resolve.block_user)
    unblock_user: Unblocked = mutation(resolve.unblock_user)
    mute_user: Mute | InvalidInput | LimitReached = mutation(resolve.mute_user)
    unmute_user: bool = mutation(resolve.unmute_user)


@strawberry.type
class FriendsSubscription:
    friendship_changed: FriendshipEvent = subscription(resolve.friendship_changed)
