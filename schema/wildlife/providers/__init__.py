"""GraphQL types for AI providers, their jobs, and classifiers of species."""
