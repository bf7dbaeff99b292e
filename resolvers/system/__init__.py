"""Finding things by id, notifications, announcements, errors, and who changed what."""

from resolvers.system.audit import audit_entries
from resolvers.system.banners import (
    BannerEvent,
    banner_changed,
    banners,
    create_banner,
    delete_banner,
    update_banner,
)
from resolvers.system.logs import log_entries
from resolvers.system.nodes import SHOWN, node, nodes, subject
from resolvers.system.notifications import (
    NotificationEvent,
    NotificationOrder,
    delete_notifications,
    mark_all_notifications_read,
    mark_notifications_read,
    notification_received,
    notifications,
    unread_count,
)
from resolvers.system.queue import expected_wait_s, queue_loads, queue_position
from resolvers.system.rates import rate_limit

__all__ = [
    "SHOWN",
    "BannerEvent",
    "NotificationEvent",
    "NotificationOrder",
    "audit_entries",
    "banner_changed",
    "banners",
    "create_banner",
    "delete_banner",
    "delete_notifications",
    "expected_wait_s",
    "log_entries",
    "mark_all_notifications_read",
    "mark_notifications_read",
    "node",
    "nodes",
    "notification_received",
    "notifications",
    "queue_loads",
    "queue_position",
    "rate_limit",
    "subject",
    "unread_count",
    "update_banner",
]
