"""The use cases: one function each, within a transaction that its caller opens."""

from app.discovery import import_modules

import_modules("app.policies")
