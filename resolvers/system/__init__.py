"""Nodes, notifications, announcements, errors and the audit log."""
