"""Who may see and change camera-trap projects, places, media and species."""

from app.policies.wildlife import (  # noqa: F401 -- registers every rule
    ai_jobs,
    classifications,
    exchange,
    projects,
    providers,
    species_classifiers,
)
