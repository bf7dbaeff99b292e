"""Who may see and change camera-trap projects, places, media and species."""

from app.policies.wildlife import ai_jobs, classifications, projects, providers  # noqa: F401 -- registers every rule
