"""GraphQL types for notifications."""

import strawberry
from strawberry import auto

from app.models import system as system_tables
from resolvers.system import nodes
from resolvers.system import notifications as resolve_notifications
from schema.accounts import User
from schema.fields import Connection, connection, cursor, field, many, mutation, one, subscription
from schema.row import Node, Row, shows


class NotificationActor(Row, of=system_tables.NotificationActor):
    created_at: auto
    user: User = one(system_tables.NotificationActor.user)


class UserNotification(Row, of=system_tables.UserNotification):
    kind: auto
    message: auto
    told_at: auto
    is_read: auto
    read_at: auto
    created_at: auto
    user: User = one(system_tables.UserNotification.user)
    subject: Node | None = field(nodes.subject)
    actor: User | None = one(system_tables.UserNotification.actor)
    actors_count: auto
    actors: Connection[NotificationActor] = many(system_tables.UserNotification.actors)


@shows(resolve_notifications.NotificationEvent)
class NotificationEvent:
    cursor: str = cursor()
    notification: UserNotification | None = strawberry.field(
        description="The new notification; null if none arrived, or if it was deleted since."
    )
    unread_count: int = field(resolve_notifications.unread_count)


@strawberry.type
class NotificationsQuery:
    notifications: Connection[UserNotification] = connection(
        resolve_notifications.notifications, order=resolve_notifications.NotificationOrder
    )


@strawberry.type
class NotificationsMutation:
    mark_notifications_read: list[UserNotification] = mutation(resolve_notifications.mark_notifications_read)
    mark_all_notifications_read: int = mutation(resolve_notifications.mark_all_notifications_read)
    delete_notifications: int = mutation(resolve_notifications.delete_notifications)


@strawberry.type
class NotificationsSubscription:
    notification_received: NotificationEvent = subscription(resolve_notifications.notification_received)
