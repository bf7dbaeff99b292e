"""GraphQL types for locations and deployments, tables of them, and calibrations."""
