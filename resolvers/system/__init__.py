"""Finding things by id, notifications, announcements, errors, and who changed what."""
