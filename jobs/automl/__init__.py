"""The jobs of tables and machines; each module of this package registers its own."""

from app.discovery import import_modules

import_modules(__name__)
