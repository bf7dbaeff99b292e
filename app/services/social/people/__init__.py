"""Relations between two users: friendships, blocks, mutes."""
