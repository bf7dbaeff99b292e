"""Direct messages."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select, func

from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.accounts import User
from app.models.social import Conversation, Message
from app.pagination import Order
from app.policies import signed_in, visible
from app.services.social import messages as messages_service
from app.services.social.messages import MessageChange
from resolvers import ids
from resolvers.context import Info
from resolvers.former_names import RenamedToUserId, one_of


class ConversationOrder(Order):
    """By the latest message.

    LATEST: The one with the latest message first.
    """

    LATEST = ("last_message_id", True)


@dataclass(frozen=True)
class MessageEvent:
    """A message of the viewer that was sent, read or taken back."""

    cursor: str
    change: MessageChange | None
    message: Message | None


@dataclass(frozen=True)
class TypingEvent:
    """A user who started or stopped typing to the viewer."""

    user: User
    seconds: int


def conversations(info: Info, unread_only: bool = False) -> Select[Conversation]:
    """The viewer's conversations.

    unread_only: Only conversations with unread messages.
    """
    signed_in(info.context.viewer)
    query = visible(Conversation, info.context.viewer)
    return query.where(Conversation.unread_count > 0) if unread_only else query


def messages(info: Info, user_id: strawberry.ID | None = None, with_user_id: RenamedToUserId = None) -> Select[Message]:
    """The viewer's messages. Reading them here does not mark them as read.

    user_id: Only messages with this user; the viewer's own id gives notes to self.
    with_user_id: Only messages with this user.
    """
    own = signed_in(info.context.viewer)
    query = visible(Message, info.context.viewer)
    if user_id is None and with_user_id is None:
        return query
    other = ids.key(one_of("user_id", user_id, "with_user_id", with_user_id), User)
    return query.where(
        func.least(Message.sender_id, Message.receiver_id) == func.least(own, other),
        func.greatest(Message.sender_id, Message.receiver_id) == func.greatest(own, other),
    )


async def send_message(
    info: Info, content: str, user_id: strawberry.ID | None = None, receiver_id: RenamedToUserId = None
) -> Message:
    """Sends a direct message.

    content: The text, at most {social.MESSAGE_LENGTH_MAX} characters.
    user_id: The receiver, who need not be a friend.
    receiver_id: The receiver.
    """
    viewer, key = info.context.viewer, ids.key(one_of("user_id", user_id, "receiver_id", receiver_id), User)
    async with messages_service.limit_messages(info.context.rates, viewer), info.context.writing() as session:
        return await messages_service.send_message(session, viewer, receiver_id=key, content=content)


async def read_conversation(
    info: Info, user_id: strawberry.ID | None = None, with_user_id: RenamedToUserId = None
) -> Conversation:
    """Marks the messages from another user as read.

    user_id: The other user.
    with_user_id: The other user.
    """
    key = ids.key(one_of("user_id", user_id, "with_user_id", with_user_id), User)
    async with info.context.writing() as session:
        return await messages_service.read_conversation(session, info.context.viewer, key)


async def take_message_back(info: Info, id: strawberry.ID) -> Message:
    """Deletes the content of one of the viewer's messages, for both sides. The empty message stays.

    id: The message.
    """
    async with info.context.writing() as session:
        return await messages_service.take_message_back(session, info.context.viewer, ids.key(id, Message))


async def message_received(info: Info, after: str | None = None) -> SourceStream[MessageEvent]:
    """Messages to or from the viewer as they are sent, read or taken back.

    after: The cursor to continue after; missed events come first. Without it, only new events.
    """
    context, topic = info.context, messages_service.messages_topic(signed_in(info.context.viewer))

    async def read(event: StreamEvent) -> MessageEvent:
        message = await context.renewed().load.read(Message, event.payload["message"])
        change = event.payload.get("change")  # events of an earlier version have none
        return MessageEvent(event.position.cursor, None if change is None else MessageChange(change), message)

    return await SourceStream.since(after, context.events, topic, read)


async def send_typing(
    info: Info, user_id: strawberry.ID | None = None, is_typing: bool = True, receiver_id: RenamedToUserId = None
) -> User:
    """Tells another user that the viewer is typing. Repeat it every few seconds while that lasts.

    user_id: The user the viewer is typing to.
    is_typing: Whether the viewer is still typing. False ends it at once; without repetition it ends within seconds.
    receiver_id: The user the viewer is typing to.
    """
    viewer, key = info.context.viewer, ids.key(one_of("user_id", user_id, "receiver_id", receiver_id), User)
    await messages_service.limit_typing(info.context.rates, viewer)
    async with info.context.reading() as session:
        reader, is_delivered = await messages_service.find_reader(session, viewer, key)
    if is_delivered:
        await messages_service.tell_typing(info.context.signals, viewer, reader, is_typing=is_typing)
    return reader


async def typing(info: Info) -> SourceStream[TypingEvent]:
    """Who is typing to the viewer. These events are not stored, so there is no `after`."""
    context, topic = info.context, messages_service.typing_topic(signed_in(info.context.viewer))

    async def read(event: StreamEvent) -> TypingEvent | None:
        notice = messages_service.told_of_typing(event.payload)
        user = notice and await context.renewed().load.read(User, notice.user_id)
        return TypingEvent(user, notice.seconds) if notice and user else None

    return SourceStream(context.signals, topic, context.signals.now(), read)
