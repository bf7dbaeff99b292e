"""Posts: editing, likes, search, removal."""
