"""Posts, messages and friends."""
