"""Direct messages."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import NamedTuple

from limits import RateLimitItemPerMinute
from sqlalchemy import func, literal, select, update

from app import checks, events
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.events.signals import Signals
from app.limits.social import MESSAGE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import Json
from app.models.kinds.social import SocialNotification
from app.models.social import Conversation, Message
from app.policies import Viewer, require, signed_in, visible
from app.policies.social import is_kept_from, may_take_this_message_back
from app.rates import Rates, Share
from app.services.social.people.pairs import anybody, lock_pair, tell
from app.services.system import notification_groups
from app.settings import settings


class MessageChange(Enum):
    """What happened to a message.

    SENT: It was sent.
    READ: The receiver has read it, and those before it.
    TAKEN_BACK: The sender deleted its content.
    """

    SENT = "SENT"
    READ = "READ"
    TAKEN_BACK = "TAKEN_BACK"


def messages_topic(user_id: int) -> str:
    """The topic of events about a user's messages."""
    return f"messages:{user_id}"


def typing_topic(user_id: int) -> str:
    """The channel of typing signals to a user."""
    return f"typing:{user_id}"


def limit_messages(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer sent too many messages."""
    limit = RateLimitItemPerMinute(settings.messages_per_minute_max)
    return rates.spending(Share(limit, f"message:{signed_in(viewer)}", "You sent too many messages."))


async def send_message(session: WriteSession, viewer: Viewer, *, receiver_id: int, content: str) -> Message:
    """A message to a user the viewer sees, friend or not; a message to oneself is a note that is already read."""
    own = signed_in(viewer)
    content = checks.text("content", content, length_max=MESSAGE_LENGTH_MAX, is_one_line=False)
    await lock_pair(session, own, receiver_id)
    await anybody(session, viewer, receiver_id, field="receiverId")
    message = Message(sender_id=own, receiver_id=receiver_id, content=content, is_read=own == receiver_id)
    session.add(message)
    await session.flush()
    _record(session, {own, receiver_id}, message.id, MessageChange.SENT)
    await tell(session, receiver_id, own, SocialNotification.MESSAGE, about=message, within=own)
    return message


async def read_conversation(session: WriteSession, viewer: Viewer, other_id: int) -> Conversation:
    """Marks the messages of another user as read; those already read keep their time."""
    conversation = await session.scalar(
        visible(Conversation, viewer).where(Conversation.other_id == other_id).with_for_update(of=Conversation)
    )
    if conversation is None:
        raise NotFound("You have no conversation with this user.")
    read = update(Message).where(
        Message.sender_id == other_id, Message.receiver_id == signed_in(viewer), Message.is_read.is_(False)
    )
    marked = await session.scalars(read.values(is_read=True, read_at=func.now()).returning(Message.id))
    newest = max(marked, default=None)
    await notification_groups.mark_group_read(session, signed_in(viewer), SocialNotification.MESSAGE, within=other_id)
    await session.refresh(conversation)
    if newest is not None:
        _record(session, {signed_in(viewer), other_id}, newest, MessageChange.READ)
    return conversation


async def take_message_back(session: WriteSession, viewer: Viewer, message_id: int) -> Message:
    """Deletes the content of the viewer's message; the empty message stays."""
    query = visible(Message, viewer).where(Message.id == message_id).with_for_update(of=Message)
    message = await session.scalar(query)
    if message is None:
        raise NotFound("There is no such message.")
    require(may_take_this_message_back, viewer, message)
    await empty_message(session, message)
    return message


async def empty_message(session: WriteSession, message: Message) -> None:
    """Deletes the content of a locked message for both sides; the empty message stays."""
    if message.deleted_at is not None:
        raise Conflict("This message was already taken back.")
    message.content, message.deleted_at = "", await session.scalar(select(func.now()))
    await session.flush()
    await notification_groups.withdraw_action(session, message.sender_id, Message, message.id)
    _record(session, {message.sender_id, message.receiver_id}, message.id, MessageChange.TAKEN_BACK)


def _record(session: WriteSession, user_ids: Collection[int], message_id: int, change: MessageChange) -> None:
    """Publishes what happened to the subscriptions of both users."""
    for user_id in user_ids:
        events.record(session, messages_topic(user_id), {"message": message_id, "change": change.value})


async def limit_typing(rates: Rates, viewer: Viewer) -> None:
    """Refused if the viewer's client repeats the signal more often than it must."""
    limit = RateLimitItemPerMinute(settings.typing_per_minute_max)
    await rates.take(limit, f"typing:{signed_in(viewer)}", what="You sent too many typing signals.")


async def find_reader(session: ReadSession, viewer: Viewer, user_id: int) -> tuple[User, bool]:
    """A user whom the viewer sees, and whether the viewer reaches them: who is muted must not learn of it."""
    user = await anybody(session, viewer, user_id, field="receiverId")
    is_kept_away = await session.scalar(select(is_kept_from(Viewer(user_id), literal(signed_in(viewer)))))
    return user, not is_kept_away


async def tell_typing(signals: Signals, viewer: Viewer, reader: User, *, is_typing: bool) -> None:
    """Signals to the other user's subscriptions that the viewer is typing, for a while."""
    seconds = settings.typing_s if is_typing else 0
    await signals.send(typing_topic(reader.id), {"user": signed_in(viewer), "seconds": seconds})


class ToldOfTyping(NamedTuple):
    """Who is typing, and for how long the signal is valid."""

    user_id: int
    seconds: int


def told_of_typing(payload: Json) -> ToldOfTyping | None:
    """The content of a signal; None if it is malformed, since anything may be written to Redis."""
    user_id, seconds = payload.get("user"), payload.get("seconds")
    if isinstance(user_id, int) and isinstance(seconds, int) and 0 < user_id < 2**63 and 0 <= seconds < 2**31:
        return ToldOfTyping(user_id, seconds)
    return None
