"""GraphQL types and fields of the installation: jobs, notifications, announcements, errors, audit log."""

import strawberry

from resolvers.system import nodes as resolve
from schema.fields import field
from schema.row import Node
from schema.system.audit import AuditQuery
from schema.system.banners import BannersMutation, BannersQuery, BannersSubscription
from schema.system.jobs import QueueQuery
from schema.system.logs import LogsQuery
from schema.system.notifications import NotificationsMutation, NotificationsQuery, NotificationsSubscription
from schema.system.rates import RatesQuery
from schema.system.storage import StorageQuery


@strawberry.type
class SystemQuery(NotificationsQuery, BannersQuery, AuditQuery, LogsQuery, QueueQuery, RatesQuery, StorageQuery):
    """The domain's questions."""

    node: Node | None = field(resolve.node)
    nodes: list[Node | None] = field(resolve.nodes)


@strawberry.type
class SystemMutation(NotificationsMutation, BannersMutation):
    """The domain's changes."""


@strawberry.type
class SystemSubscription(NotificationsSubscription, BannersSubscription):
    """The domain's events."""
