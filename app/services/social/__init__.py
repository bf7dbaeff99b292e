"""Posts, messages, friends, blocks and mutes."""
