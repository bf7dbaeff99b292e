"""Tables, constraints, and properties of rows."""

from app.models import accounts, mapping, reports, social, subjects, system, wildlife  # noqa: F401 -- registers every table
from app.models.kinds import register_every_domain

register_every_domain()
