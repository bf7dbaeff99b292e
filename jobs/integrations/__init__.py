"""Jobs of programs: sending webhooks, and queries over whole lists."""

from app.discovery import import_modules

import_modules(__name__)
