"""Who may see and change machines, and what is read for them."""

from app.discovery import import_modules

import_modules(__name__)
