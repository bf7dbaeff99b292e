"""GraphQL types for friends, friend requests, blocks and mutes."""

import strawberry
from strawberry import auto

from app.models import social as social_tables
from app.services.social.people import friends
from resolvers.enums import show_enum
from resolvers.social import friends as resolve
from schema.accounts import User
from schema.fields import Connection, connection, cursor, field, mutation, one, subscription
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

for enum in (friends.FriendshipChange, resolve.FriendRequestDirection):
    show_enum(enum)


class Friendship(Row, of=social_tables.Friendship):
    created_at: auto
    user: User = one(social_tables.Friendship.user)
    friend: User = one(social_tables.Friendship.friend)


class FriendRequest(Row, of=social_tables.FriendRequest):
    created_at: auto
    from_user: User = one(social_tables.FriendRequest.from_user)
    to_user: User = one(social_tables.FriendRequest.to_user)


class Block(Row, of=social_tables.Block):
    user_id: strawberry.ID = field(resolve.blocked_user_id)
    username: auto
    created_at: auto


class Mute(Row, of=social_tables.Mute):
    expires_at: auto
    created_at: auto
    muted: User | None = one(social_tables.Mute.muted)


@shows(resolve.Unblocked)
class Unblocked:
    username: str = strawberry.field(description="Their username when they were blocked.")


@shows(friends.Asked)
class FriendRequestSent:
    request: FriendRequest | None = strawberry.field(description="The friend request; null if the two are friends now.")
    friendship: Friendship | None = strawberry.field(
        description="The friendship, from the viewer's side; null while the request is open."
    )


@shows(friends.FriendSuggestion)
class FriendSuggestion:
    user: User = strawberry.field(description="The user.")
    mutual_friends_count: int = strawberry.field(description="The number of mutual friends.")


@shows(resolve.FriendshipEvent)
class FriendshipEvent:
    cursor: str = cursor()
    change: friends.FriendshipChange = strawberry.field(description="What happened.")
    user: User | None = strawberry.field(description="The other user; null if the viewer may no longer see them.")


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
