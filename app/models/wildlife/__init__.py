"""Tables of camera-trap projects, places, media and species."""

from app.discovery import import_modules

import_modules(__name__)
