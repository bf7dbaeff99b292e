"""Messages between two people."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select, func

from app.audience import Happening
from app.events import SourceStream
from app.models.accounts import User
from app.models.social import Conversation, Message
from app.pagination import Order
from app.policies import signed_in, visible
from app.services.social import messages as messages_service
from resolvers import ids
from resolvers.context import Info


class ConversationOrder(Order):
    """By what was said last."""

    LATEST = ("last_message_id", True)


@dataclass(frozen=True)
class MessageEvent:
    """A message of the viewer's as it was sent, read or taken back."""

    cursor: str
    message: Message | None


@dataclass(frozen=True)
class TypingEvent:
    """That somebody is writing to the viewer, or has stopped."""

    user: User
    seconds: int


def conversations(info: Info, unread_only: bool = False) -> Select[Conversation]:
    """The viewer's conversations.

    unread_only: Only those in which there is something the viewer has not read.
    """
    signed_in(info.context.viewer)
    found = visible(Conversation, info.context.viewer)
    return found.where(Conversation.unread_count > 0) if unread_only else found


def messages(info: Info, with_user_id: strawberry.ID | None = None) -> Select[Message]:
    """What was said between the viewer and others; reading it does not mark it as read.

    with_user_id: Only with this person; or with oneself, for one's notes.
    """
    own = signed_in(info.context.viewer)
    found = visible(Message, info.context.viewer)
    if with_user_id is None:
        return found
    other = ids.key(with_user_id, User)
    return found.where(
        func.least(Message.sender_id, Message.receiver_id) == func.least(own, other),
        func.greatest(Message.sender_id, Message.receiver_id) == func.greatest(own, other),
    )


async def send_message(info: Info, receiver_id: strawberry.ID, content: str) -> Message:
    """Says something to one other person.

    receiver_id: To whom; they need not be a friend.
    content: What, in at most 5 000 characters.
    """
    viewer, key = info.context.viewer, ids.key(receiver_id, User)
    async with messages_service.pace_messages(info.context.rates, viewer), info.context.writing() as session:
        return await messages_service.send_message(session, viewer, receiver_id=key, content=content)


async def read_conversation(info: Info, with_user_id: strawberry.ID) -> Conversation:
    """Marks what another has written to the viewer as read.

    with_user_id: The other.
    """
    async with info.context.writing() as session:
        return await messages_service.read_conversation(session, info.context.viewer, ids.key(with_user_id, User))


async def take_message_back(info: Info, id: strawberry.ID) -> Message:
    """Empties a message of the viewer's, for both; that there was one stays.

    id: Which.
    """
    async with info.context.writing() as session:
        return await messages_service.take_message_back(session, info.context.viewer, ids.key(id, Message))


async def message_received(info: Info, after: str | None = None) -> SourceStream[MessageEvent]:
    """Every message to the viewer, or by the viewer elsewhere, as it comes; again when read or taken back.

    after: Continue after this cursor: what was missed comes first. Without it, what comes from now on.
    """
    context, topic = info.context, messages_service.messages_topic(signed_in(info.context.viewer))

    async def event(happening: Happening) -> MessageEvent:
        found = await context.renewed().load.read(Message, happening.payload["message"])
        return MessageEvent(happening.position.cursor, found)

    return await SourceStream.since(after, context.feed, topic, event)


async def send_typing(info: Info, receiver_id: strawberry.ID, is_typing: bool = True) -> User:
    """Lets another know that the viewer is writing to them: say it again every few seconds while it lasts.

    receiver_id: To whom the viewer writes.
    is_typing: Whether the viewer still does; false ends it at once, and silence does within seconds.
    """
    viewer, key = info.context.viewer, ids.key(receiver_id, User)
    await messages_service.pace_typing(info.context.rates, viewer)
    async with info.context.reading() as session:
        reader, is_heard = await messages_service.find_reader(session, viewer, key)
    if is_heard:
        await messages_service.tell_typing(info.context.signals, viewer, reader, is_typing=is_typing)
    return reader


async def typing(info: Info) -> SourceStream[TypingEvent]:
    """Who is writing to the viewer right now. It is kept nowhere: nobody is told later, so there is no `after`."""
    context, topic = info.context, messages_service.typing_topic(signed_in(info.context.viewer))

    async def event(happening: Happening) -> TypingEvent | None:
        told = messages_service.told_of_typing(happening.payload)
        user = told and await context.renewed().load.read(User, told.user_id)
        return TypingEvent(user, told.seconds) if told and user else None

    return SourceStream(context.signals, topic, context.signals.now(), event)
