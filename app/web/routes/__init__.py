"""The plain HTTP routes beside GraphQL."""
