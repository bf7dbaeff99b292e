"""Tables of areas, labels, models, trainings, predictions and feedback."""

from app.discovery import import_modules

import_modules(__name__)
