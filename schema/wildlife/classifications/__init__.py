"""GraphQL types for classifications, the projects that they are made in, and classificators."""
