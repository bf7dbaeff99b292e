"""Activity by the time of day."""
