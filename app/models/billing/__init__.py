"""The tables of money: the ledger, and what is agreed about it."""

from app.discovery import import_modules

import_modules(__name__)
