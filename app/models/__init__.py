"""Tables, constraints, and properties of rows."""

from app.discovery import import_modules

import_modules("app.models.kinds")  # their members are complete before a table or the schema lists them
import_modules(__name__)
