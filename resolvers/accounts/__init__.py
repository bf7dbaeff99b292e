"""People, their sessions and their teams."""
