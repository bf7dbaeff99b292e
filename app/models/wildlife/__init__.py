"""Tables of camera-trap projects, places, media and species."""

from app.models.wildlife import collections, deployments, media, projects, providers, species, uploads  # noqa: F401 -- registers every table
