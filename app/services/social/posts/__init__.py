"""Posts: written, liked, searched, removed."""
