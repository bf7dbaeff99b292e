"""Who may see and change camera-trap projects, places, media and species."""

from app.policies.wildlife import classifications, projects, providers  # noqa: F401 -- registers every rule
