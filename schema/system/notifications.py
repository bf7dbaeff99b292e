"""What clients see of what they are told."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app import models as tables
from resolvers import system as resolve
from schema.accounts import User
from schema.fields import Connection, connection, cursor, field, many, mutation, one, subscription
from schema.row import Node, Row, shows

if TYPE_CHECKING:
    from schema.mapping.trainings import Training


class NotificationActor(Row, of=tables.NotificationActor):
    created_at: auto
    user: User = one(tables.NotificationActor.user)


class UserNotification(Row, of=tables.UserNotification):
    kind: auto
    message: auto
    told_at: auto
    is_read: auto
    read_at: auto
    created_at: auto
    user: User = one(tables.UserNotification.user)
    training: Annotated["Training", strawberry.lazy("schema.mapping.trainings")] | None = one(
        tables.UserNotification.training
    )
    subject: Node | None = field(resolve.subject)
    actor: User | None = one(tables.UserNotification.actor)
    actors_count: auto
    actors: Connection[NotificationActor] = many(tables.UserNotification.actors)


@shows(resolve.NotificationEvent)
class NotificationEvent:
    cursor: str = cursor()
    notification: UserNotification | None = strawberry.field(
        description="What came; null if none came, or if it is gone already."
    )
    unread_count: int = field(resolve.unread_count)


@strawberry.type
class NotificationsQuery:
    notifications: Connection[UserNotification] = connection(resolve.notifications, order=resolve.NotificationOrder)


@strawberry.type
class NotificationsMutation:
    mark_notifications_read: list[UserNotification] = mutation(resolve.mark_notifications_read)
    mark_all_notifications_read: int = mutation(resolve.mark_all_notifications_read)
    delete_notifications: int = mutation(resolve.delete_notifications)


@strawberry.type
class NotificationsSubscription:
    notification_received: NotificationEvent = subscription(resolve.notification_received)
