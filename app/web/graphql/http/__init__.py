"""GraphQL over HTTP and server-sent events."""
