"""Tables of the machines that learn from tables, and of what is read for them."""

from app.discovery import import_modules

import_modules(__name__)
