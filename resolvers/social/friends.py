"""Friends, friend requests, blocks and mutes."""

from dataclasses import dataclass
from enum import Enum

import strawberry
from sqlalchemy import ColumnElement, Select

from app import checks
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.accounts import User
from app.models.social import Block, FriendRequest, Friendship, Mute
from app.policies import AnyViewer, signed_in, visible
from app.policies import social as policies
from app.services.social.people import blocks as blocks_service
from app.services.social.people import friends
from app.services.social.people.friends import Asked, FriendshipChange, FriendSuggestion
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.former_names import RenamedToUserId, one_of


class FriendRequestDirection(Enum):
    """Whether a friend request was received or sent.

    RECEIVED: Received by the viewer.
    SENT: Sent by the viewer.
    """

    RECEIVED = "RECEIVED"
    SENT = "SENT"


@dataclass(frozen=True)
class FriendshipEvent:
    """A change to the viewer's friends or friend requests."""

    cursor: str
    change: FriendshipChange
    user: User | None


@dataclass(frozen=True)
class Unblocked:
    """A user who is no longer blocked."""

    username: str


def friend_requests(
    info: Info, direction: FriendRequestDirection = FriendRequestDirection.RECEIVED
) -> Select[FriendRequest]:
    """The viewer's open friend requests, newest first.

    direction: Received or sent requests.
    """
    own = signed_in(info.context.viewer)
    side = {
        FriendRequestDirection.RECEIVED: FriendRequest.to_user_id,
        FriendRequestDirection.SENT: FriendRequest.from_user_id,
    }
    return visible(FriendRequest, info.context.viewer).where(side[direction] == own)


async def friend_suggestions(
    info: Info, first: int = min(20, settings.friend_suggestions_max)
) -> list[FriendSuggestion]:
    """People the viewer may know: friends of friends, those with the most mutual friends first.

    first: How many to return, at most {settings.friend_suggestions_max}.
    """
    checks.within("first", first, 0, settings.friend_suggestions_max)
    async with info.context.reading() as session:
        return await friends.suggest_friends(session, info.context.viewer, count=first)


def blocks(info: Info) -> Select[Block]:
    """The viewer's blocks, newest first; visible only to the viewer."""
    signed_in(info.context.viewer)
    return visible(Block, info.context.viewer)


def mutes(info: Info) -> Select[Mute]:
    """The viewer's mutes, newest first; visible only to the viewer."""
    signed_in(info.context.viewer)
    return visible(Mute, info.context.viewer)


def blocked_user_id(root: strawberry.Parent[Block]) -> strawberry.ID:
    """The blocked user's id, for `unblockUser`."""
    return ids.encode_key(User, root.blocked_id)


def is_friend(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the user is the viewer's friend."""
    return policies.is_friend(viewer, User.id)


def is_muted(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer currently mutes the user. The user cannot see this."""
    return policies.is_muted(viewer, User.id)


async def send_friend_request(info: Info, user_id: strawberry.ID) -> Asked:
    """Sends a friend request. If the other user has already sent one, both become friends at once.

    user_id: The user.
    """
    viewer, key = info.context.viewer, ids.key(user_id, User)
    async with friends.limit_friend_requests(info.context.rates, viewer), info.context.writing() as session:
        return await friends.send_friend_request(session, viewer, key)


async def accept_friend_request(info: Info, id: strawberry.ID) -> Friendship:
    """Accepts a friend request.

    id: The friend request.
    """
    async with info.context.writing() as session:
        return await friends.accept_friend_request(session, info.context.viewer, ids.key(id, FriendRequest))


async def decline_friend_request(info: Info, id: strawberry.ID) -> User:
    """Declines a friend request. The sender is not notified. Returns the sender.

    id: The friend request.
    """
    async with info.context.writing() as session:
        return await friends.decline_friend_request(session, info.context.viewer, ids.key(id, FriendRequest))


async def cancel_friend_request(info: Info, user_id: strawberry.ID) -> User:
    """Cancels a friend request of the viewer. Returns the other user.

    user_id: The user who received the request.
    """
    async with info.context.writing() as session:
        return await friends.cancel_friend_request(session, info.context.viewer, ids.key(user_id, User))


async def remove_friend(info: Info, user_id: strawberry.ID) -> User:
    """Ends a friendship for both. Returns the other user.

    user_id: The friend.
    """
    async with info.context.writing() as session:
        return await friends.remove_friend(session, info.context.viewer, ids.key(user_id, User))


async def block_user(info: Info, user_id: strawberry.ID) -> Block:
    """Blocks a user. Neither sees the other from then on; a friendship or friend request between them ends.

    user_id: The user.
    """
    async with info.context.writing() as session:
        return await blocks_service.block_user(session, info.context.viewer, ids.key(user_id, User))


async def unblock_user(info: Info, user_id: strawberry.ID | None = None, id: RenamedToUserId = None) -> Unblocked:
    """Removes a block.

    user_id: The blocked user, as `Block.userId` gives it.
    id: The block.
    """
    which = one_of("user_id", user_id, "id", id)
    chosen = Block.blocked_id == ids.key(which, User) if id is None else Block.id == ids.key(which, Block)
    async with info.context.writing() as session:
        return Unblocked(await blocks_service.unblock_user(session, info.context.viewer, chosen))


async def mute_user(info: Info, user_id: strawberry.ID, hours: int | None = None) -> Mute:
    """Mutes a user: hides their posts from the viewer's feed and their actions from the viewer's notifications.

    user_id: The user. They are not notified.
    hours: For how many hours; without it, permanently.
    """
    async with info.context.writing() as session:
        return await blocks_service.mute_user(session, info.context.viewer, ids.key(user_id, User), hours=hours)


async def unmute_user(info: Info, user_id: strawberry.ID | None = None, id: RenamedToUserId = None) -> bool:
    """Removes a mute.

    user_id: The muted user.
    id: The mute.
    """
    which = one_of("user_id", user_id, "id", id)
    chosen = Mute.muted_id == ids.key(which, User) if id is None else Mute.id == ids.key(which, Mute)
    async with info.context.writing() as session:
        return await blocks_service.unmute_user(session, info.context.viewer, chosen)


async def friendship_changed(info: Info, after: str | None = None) -> SourceStream[FriendshipEvent]:
    """Changes to the viewer's friends and friend requests, as they happen.

    after: The cursor to continue after; missed events come first. Without it, only new events.
    """
    context, topic = info.context, friends.friendships_topic(signed_in(info.context.viewer))

    async def read(event: StreamEvent) -> FriendshipEvent:
        user = await context.renewed().load.read(User, event.payload["user"])
        change = FriendshipChange(event.payload["change"])
        return FriendshipEvent(event.position.cursor, change, user)

    return await SourceStream.since(after, context.events, topic, read)
