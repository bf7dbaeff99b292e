"""Jobs of datasets, trainings and predictions."""

from app.discovery import import_modules

import_modules(__name__)
