"""What connects two people: friendship, blocks, mutes."""
