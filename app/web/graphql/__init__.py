"""GraphQL over HTTP, server-sent events and WebSockets. Both transports execute operations with `execution`."""
