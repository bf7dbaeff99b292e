"""What clients see of jobs and notifications, and how they find a thing by its id."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app import models as tables
from resolvers import system as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, mutation, one, subscription
from schema.row import Node, Row, shows

if TYPE_CHECKING:
    from schema.mapping.trainings import Training

strawberry.enum(tables.JobKind, description=tables.JobKind.__doc__)
strawberry.enum(tables.JobState, description=tables.JobState.__doc__)


class Job(Row, of=tables.Job):
    kind: auto
    state: auto
    attempt: auto
    attempts_max: auto
    cancel_requested: auto
    progress: auto
    stage: auto
    message: auto
    eta_s: auto
    error: auto
    created_at: auto
    started_at: auto
    finished_at: auto


class UserNotification(Row, of=tables.UserNotification):
    message: auto
    is_read: auto
    read_at: auto
    created_at: auto
    user: User = one(tables.UserNotification.user)
    training: Annotated["Training", strawberry.lazy("schema.mapping.trainings")] | None = one(
        tables.UserNotification.training
    )
    subject: Node | None = field(resolve.subject)


@shows(resolve.NotificationEvent)
class NotificationEvent:
    cursor: str = strawberry.field(description="Its place: subscribe again with it as `after` to miss nothing.")
    notification: UserNotification | None = strawberry.field(description="What came; null if it is gone already.")


@strawberry.type
class SystemQuery:
    node: Node | None = field(resolve.node)
    nodes: list[Node | None] = field(resolve.nodes)
    notifications: Connection[UserNotification] = connection(resolve.notifications)


@strawberry.type
class SystemMutation:
    mark_notifications_read: list[UserNotification] = mutation(resolve.mark_notifications_read)


@strawberry.type
class SystemSubscription:
    notification_received: NotificationEvent = subscription(resolve.notification_received)
