"""Friends and friend requests."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum

from limits import RateLimitItemPerHour
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app import events
from app.database import ReadSession, WriteSession
from app.errors import Conflict, LimitReached, NotFound
from app.models.accounts import User
from app.models.kinds.social import SocialNotification
from app.models.social import FriendRequest, Friendship
from app.policies import Viewer, names_viewer, require, signed_in, visible
from app.policies.social import is_friend, is_muted, may_answer_this_friend_request
from app.rates import Rates, Share
from app.services.social.people.pairs import (
    end_friendship,
    lock_pair,
    lock_with_somebody_else,
    nobody,
    somebody_else,
    tell,
)
from app.services.system import notification_groups
from app.settings import settings


class FriendshipChange(Enum):
    """What happened between the viewer and another user.

    REQUESTED: A friend request was sent.
    ACCEPTED: It was accepted.
    DECLINED: It was declined.
    CANCELLED: It was cancelled by its sender.
    ENDED: The friendship ended.
    """

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"
    ENDED = "ENDED"


@dataclass(frozen=True)
class Asked:
    """The result of a friend request: an open request, or a friendship if the other had already asked."""

    request: FriendRequest | None = None
    friendship: Friendship | None = None


@dataclass(frozen=True)
class FriendSuggestion:
    """A user the viewer may know."""

    user: User
    mutual_friends_count: int


def friendships_topic(user_id: int) -> str:
    """The topic of events about a user's friends and requests."""
    return f"friendships:{user_id}"


def limit_friend_requests(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer sent too many requests."""
    limit = RateLimitItemPerHour(settings.friend_requests_per_hour_max)
    return rates.spending(Share(limit, f"friend-request:{signed_in(viewer)}", "You sent too many friend requests."))


async def send_friend_request(session: WriteSession, viewer: Viewer, user_id: int) -> Asked:
    """Sends a friend request; accepts the other's request if there is one."""
    own = signed_in(viewer)
    await lock_with_somebody_else(session, viewer, user_id)
    pending_count = select(func.count()).where(FriendRequest.from_user_id == own).correlate(None).scalar_subquery()
    seen = visible(User, viewer).where(User.id == user_id, User.is_active)
    related = seen.add_columns(is_friend(viewer, User.id), pending_count, FriendRequest)
    query = related.outerjoin(FriendRequest, between(own, User.id))
    row = (await session.execute(query.limit(1))).one_or_none()
    if row is None:
        raise nobody()
    other, is_already, pending, request = row
    if is_already:
        raise Conflict(f"{other.username} is already your friend.")
    if request is not None and request.from_user_id == own:
        raise Conflict(f"You have already sent {other.username} a friend request.")
    if request is not None:
        return Asked(friendship=await _befriend(session, request))
    if pending >= settings.friend_requests_pending_max:
        raise LimitReached(
            "You have too many open friend requests. Cancel some first.", limit=settings.friend_requests_pending_max
        )
    request = FriendRequest(from_user_id=own, to_user_id=user_id)
    session.add(request)
    await session.flush()
    await record_change(session, own, user_id, FriendshipChange.REQUESTED)
    await tell(session, user_id, own, SocialNotification.FRIEND_REQUEST, about=request)
    return Asked(request)


async def accept_friend_request(session: WriteSession, viewer: Viewer, request_id: int) -> Friendship:
    """The friendship from the viewer's side; the viewer received the request."""
    request = await _received(session, viewer, request_id)
    return await _befriend(session, request)


async def decline_friend_request(session: WriteSession, viewer: Viewer, request_id: int) -> User:
    """Declines a received request; returns its sender."""
    request = await _received(session, viewer, request_id)
    await _close(session, request)
    await record_change(session, signed_in(viewer), request.from_user_id, FriendshipChange.DECLINED)
    return await session.get_one(User, request.from_user_id)


async def cancel_friend_request(session: WriteSession, viewer: Viewer, user_id: int) -> User:
    """Cancels the viewer's request to another user."""
    own = signed_in(viewer)
    other = await somebody_else(session, viewer, user_id)
    request = await session.scalar(select(FriendRequest).where(between(own, user_id)))
    if request is None or request.from_user_id != own:
        raise Conflict(f"You have no open friend request to {other.username}. It may have been answered.")
    await _close(session, request)
    await record_change(session, own, user_id, FriendshipChange.CANCELLED)
    return other


async def remove_friend(session: WriteSession, viewer: Viewer, user_id: int) -> User:
    """Ends the viewer's friendship with another user, on both sides."""
    own = signed_in(viewer)
    other = await somebody_else(session, viewer, user_id)
    if not await end_friendship(session, own, user_id):
        raise Conflict(f"{other.username} is not your friend.")
    await record_change(session, own, user_id, FriendshipChange.ENDED)
    return other


async def suggest_friends(session: ReadSession, viewer: Viewer, *, count: int) -> list[FriendSuggestion]:
    """Friends of friends, those with the most mutual friends first, then the newest accounts."""
    mine, theirs = aliased(Friendship), aliased(Friendship)
    mutual = (
        select(theirs.friend_id.label("id"), func.count().label("count"))
        .join(mine, mine.friend_id == theirs.user_id)
        .where(mine.user_id == signed_in(viewer))
        .group_by(theirs.friend_id)
        .subquery()
    )
    known = _strangers(viewer).add_columns(mutual.c.count).join(mutual, mutual.c.id == User.id)
    rows = await session.execute(known.order_by(mutual.c.count.desc(), User.id.desc()).limit(count))
    suggestions = [FriendSuggestion(user, number) for user, number in rows]
    if len(suggestions) < count:
        others = _strangers(viewer).where(User.id.not_in(select(mutual.c.id))).order_by(User.id.desc())
        suggestions += [
            FriendSuggestion(user, 0) for user in await session.scalars(others.limit(count - len(suggestions)))
        ]
    return suggestions


def _strangers(viewer: Viewer) -> Select[User]:
    """Users without any relation to the viewer."""
    has_request = select(FriendRequest.id).where(between(signed_in(viewer), User.id)).exists()
    return visible(User, viewer).where(
        User.is_active,
        ~names_viewer(viewer, User.id),
        ~has_request,
        ~is_friend(viewer, User.id),
        ~is_muted(viewer, User.id),
    )


def between(one: int, other: int | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """The request between two users, in either direction."""
    sent = (FriendRequest.from_user_id == one) & (FriendRequest.to_user_id == other)
    return sent | ((FriendRequest.from_user_id == other) & (FriendRequest.to_user_id == one))


async def _received(session: WriteSession, viewer: Viewer, request_id: int) -> FriendRequest:
    """A request to the viewer, locked against other answers."""
    query = visible(FriendRequest, viewer).where(FriendRequest.id == request_id)
    request = await session.scalar(query)
    if request is not None:
        require(may_answer_this_friend_request, viewer, request)
        await lock_pair(session, request.from_user_id, request.to_user_id)
        request = await session.scalar(query.execution_options(populate_existing=True))
    if request is None:
        raise NotFound("There is no such friend request. It may have been answered or cancelled.")
    return request


async def _close(session: WriteSession, request: FriendRequest) -> None:
    """Deletes a request and its notification."""
    await session.delete(request)
    await notification_groups.withdraw_action(session, request.from_user_id, FriendRequest, request.id)


async def _befriend(session: WriteSession, request: FriendRequest) -> Friendship:
    """Makes two users friends and notifies the sender of the request; returns the receiver's side."""
    receiver, asking = request.to_user_id, request.from_user_id
    await _close(session, request)
    own, theirs = Friendship(user_id=receiver, friend_id=asking), Friendship(user_id=asking, friend_id=receiver)
    session.add_all([own, theirs])
    await session.flush()
    await record_change(session, receiver, asking, FriendshipChange.ACCEPTED)
    await tell(session, asking, receiver, SocialNotification.FRIENDSHIP, about=theirs)
    return own


async def record_change(session: WriteSession, one: int, other: int, change: FriendshipChange) -> None:
    """Publishes what happened to the subscriptions of both users."""
    await session.flush()
    for user_id, with_id in ((one, other), (other, one)):
        events.record(session, friendships_topic(user_id), {"change": change.value, "user": with_id})
