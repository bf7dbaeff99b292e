"""GraphQL over WebSockets, as graphql-transport-ws."""
