"""The tables of consulting: requests with their contracts, and what belongs to them."""

from app.discovery import import_modules

import_modules(__name__)
