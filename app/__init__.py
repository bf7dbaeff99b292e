"""The application without GraphQL."""
