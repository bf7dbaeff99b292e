"""Who may see and change machines, and what is read for them."""

from app.policies.automl import readings  # noqa: F401 -- registers every rule
