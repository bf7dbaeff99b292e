"""GraphQL resolvers: plain functions in the domain's terms."""
