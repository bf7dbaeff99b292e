"""GraphQL types for media, their changes, and charts."""
