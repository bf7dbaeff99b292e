"""What clients see of jobs, notifications and who changed what, and how they find a thing by its id."""

import strawberry

from resolvers import system as resolve
from schema.fields import field
from schema.row import Node
from schema.system.audit import AuditQuery
from schema.system.notifications import NotificationsMutation, NotificationsQuery, NotificationsSubscription


@strawberry.type
class SystemQuery(NotificationsQuery, AuditQuery):
    """The domain's questions."""

    node: Node | None = field(resolve.node)
    nodes: list[Node | None] = field(resolve.nodes)


@strawberry.type
class SystemMutation(NotificationsMutation):
    """The domain's changes."""


@strawberry.type
class SystemSubscription(NotificationsSubscription):
    """The domain's events."""
