"""Friends, requests, and keeping away."""

from dataclasses import dataclass
from enum import Enum

import strawberry
from sqlalchemy import ColumnElement, Select

from app import checks
from app.audience import Happening
from app.events import SourceStream
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


class FriendRequestDirection(Enum):
    """Whether a request was received or sent."""

    RECEIVED = "RECEIVED"
    SENT = "SENT"


@dataclass(frozen=True)
class FriendshipEvent:
    """A change of who is the viewer's friend, or of who asks to be."""

    cursor: str
    change: FriendshipChange
    user: User | None


@dataclass(frozen=True)
class Unblocked:
    """That somebody is blocked no longer."""

    username: str


def friend_requests(
    info: Info, direction: FriendRequestDirection = FriendRequestDirection.RECEIVED
) -> Select[FriendRequest]:
    """The viewer's requests that are not answered yet, newest first.

    direction: Those the viewer received, or those the viewer sent.
    """
    own = signed_in(info.context.viewer)
    side = {
        FriendRequestDirection.RECEIVED: FriendRequest.to_user_id,
        FriendRequestDirection.SENT: FriendRequest.from_user_id,
    }
    return visible(FriendRequest, info.context.viewer).where(side[direction] == own)


async def friend_suggestions(info: Info, first: int = 20) -> list[FriendSuggestion]:
    """People the viewer may know: friends of friends first, those with most mutual friends before others.

    first: How many, at most 50.
    """
    checks.within("first", first, 0, settings.friend_suggestions_max)
    async with info.context.reading() as session:
        return await friends.suggest_friends(session, info.context.viewer, count=first)


def blocks(info: Info) -> Select[Block]:
    """Whom the viewer has blocked, newest first; nobody else learns of it."""
    signed_in(info.context.viewer)
    return visible(Block, info.context.viewer)


def mutes(info: Info) -> Select[Mute]:
    """Whom the viewer does not want to hear of, newest first; nobody else learns of it."""
    signed_in(info.context.viewer)
    return visible(Mute, info.context.viewer)


def is_friend(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether they are the viewer's friend."""
    return policies.is_friend(viewer, User.id)


def is_muted(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer does not want to hear of them, for now; they do not learn of it."""
    return policies.is_muted(viewer, User.id)


async def send_friend_request(info: Info, user_id: strawberry.ID) -> Asked:
    """Asks another to be the viewer's friend; if they have asked already, the two are friends at once.

    user_id: Whom.
    """
    viewer, key = info.context.viewer, ids.key(user_id, User)
    async with friends.pace_friend_requests(info.context.rates, viewer), info.context.writing() as session:
        return await friends.send_friend_request(session, viewer, key)


async def accept_friend_request(info: Info, id: strawberry.ID) -> Friendship:
    """Makes friends with whoever asked.

    id: Which request.
    """
    async with info.context.writing() as session:
        return await friends.accept_friend_request(session, info.context.viewer, ids.key(id, FriendRequest))


async def decline_friend_request(info: Info, id: strawberry.ID) -> User:
    """Refuses a request, of which whoever asked is not told; answers with them.

    id: Which request.
    """
    async with info.context.writing() as session:
        return await friends.decline_friend_request(session, info.context.viewer, ids.key(id, FriendRequest))


async def cancel_friend_request(info: Info, user_id: strawberry.ID) -> User:
    """Takes the viewer's request to another back; answers with the other.

    user_id: Who was asked.
    """
    async with info.context.writing() as session:
        return await friends.cancel_friend_request(session, info.context.viewer, ids.key(user_id, User))


async def remove_friend(info: Info, user_id: strawberry.ID) -> User:
    """Ends a friendship for both; answers with the other.

    user_id: Whose.
    """
    async with info.context.writing() as session:
        return await friends.remove_friend(session, info.context.viewer, ids.key(user_id, User))


async def block_user(info: Info, user_id: strawberry.ID) -> Block:
    """From then on neither sees anything of the other; a friendship or a request between them ends.

    user_id: Whom.
    """
    async with info.context.writing() as session:
        return await blocks_service.block_user(session, info.context.viewer, ids.key(user_id, User))


async def unblock_user(info: Info, id: strawberry.ID) -> Unblocked:
    """Takes a block back.

    id: Which block.
    """
    async with info.context.writing() as session:
        return Unblocked(await blocks_service.unblock_user(session, info.context.viewer, ids.key(id, Block)))


async def mute_user(info: Info, user_id: strawberry.ID, hours: int | None = None) -> Mute:
    """Keeps another's posts out of the viewer's feed and their doings out of the viewer's notifications.

    user_id: Whom; they do not learn of it.
    hours: For how long; without it, for good.
    """
    async with info.context.writing() as session:
        return await blocks_service.mute_user(session, info.context.viewer, ids.key(user_id, User), hours=hours)


async def unmute_user(info: Info, id: strawberry.ID) -> bool:
    """Takes a mute back.

    id: Which.
    """
    async with info.context.writing() as session:
        return await blocks_service.unmute_user(session, info.context.viewer, ids.key(id, Mute))


async def friendship_changed(info: Info, after: str | None = None) -> SourceStream[FriendshipEvent]:
    """Every change of the viewer's friends and requests, as it comes.

    after: Continue after this cursor: what was missed comes first. Without it, what comes from now on.
    """
    context, topic = info.context, friends.friendships_topic(signed_in(info.context.viewer))

    async def event(happening: Happening) -> FriendshipEvent:
        user = await context.renewed().load.read(User, happening.payload["user"])
        change = FriendshipChange(happening.payload["change"])
        return FriendshipEvent(happening.position.cursor, change, user)

    return await SourceStream.since(after, context.feed, topic, event)
