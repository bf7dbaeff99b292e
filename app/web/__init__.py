"""The plain door: GraphQL over HTTP and WebSocket, and the routes beside it."""
