"""Finding things by id, notifications, and who changed what."""

from resolvers.system.audit import audit_entries
from resolvers.system.nodes import SHOWN, node, nodes, subject
from resolvers.system.notifications import (
    NotificationEvent,
    mark_notifications_read,
    notification_received,
    notifications,
)

__all__ = [
    "SHOWN",
    "NotificationEvent",
    "audit_entries",
    "mark_notifications_read",
    "node",
    "nodes",
    "notification_received",
    "notifications",
    "subject",
]
