"""GraphQL types for direct messages."""

import strawberry
from strawberry import auto

from app.models import social as social_tables
from app.services.social.messages import MessageChange
from resolvers.enums import show_enum
from resolvers.social import messages as resolve
from schema.accounts import User
from schema.fields import Connection, connection, cursor, mutation, one, subscription
from schema.problems import Conflict, InvalidInput
from schema.row import Row, shows

show_enum(MessageChange)


class Message(Row, of=social_tables.Message):
    content: auto
    is_read: auto
    read_at: auto
    deleted_at: auto
    created_at: auto
    sender: User = one(social_tables.Message.sender)
    receiver: User = one(social_tables.Message.receiver)


class Conversation(Row, of=social_tables.Conversation):
    unread_count: auto
    other: User = one(social_tables.Conversation.other)
    last_message: Message = one(social_tables.Conversation.last_message, needs_read=True)


@shows(resolve.MessageEvent)
class MessageEvent:
    cursor: str = cursor()
    change: MessageChange | None = strawberry.field(
        description="What happened. READ names the newest message that was read; those before it are read, too. Null "
        "for what happened before this installation recorded it."
    )
    message: Message | None = strawberry.field(
        description="The message as it is now; null if the viewer may no longer see it."
    )


@shows(resolve.TypingEvent)
class TypingEvent:
    user: User = strawberry.field(description="Who is typing.")
    seconds: int = strawberry.field(
        description="How many seconds to show it unless it is repeated; 0 when they stopped."
    )


@strawberry.type
class MessagesQuery:
    conversations: Connection[Conversation] = connection(resolve.conversations, order=resolve.ConversationOrder)
    messages: Connection[Message] = connection(resolve.messages)


@strawberry.type
class MessagesMutation:
    send_message: Message | InvalidInput = mutation(resolve.send_message)
    read_conversation: Conversation = mutation(resolve.read_conversation)
    take_message_back: Message | Conflict = mutation(resolve.take_message_back)
    send_typing: User | InvalidInput = mutation(resolve.send_typing)


@strawberry.type
class MessagesSubscription:
    message_received: MessageEvent = subscription(resolve.message_received)
    typing: TypingEvent = subscription(resolve.typing)
