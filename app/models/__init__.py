"""Tables, constraints, and properties of rows."""

from app.models import accounts, mapping, social, subjects, system  # noqa: F401 -- registers every table
