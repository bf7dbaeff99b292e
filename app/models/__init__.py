"""The nouns: tables, constraints, and what a row knows about itself."""

from app.models import accounts, mapping, social, subjects, system  # noqa: F401 -- registers every table
