"""Tables of areas, labels, models, trainings, predictions and feedback."""

from app.models.mapping import datasets, feedback, imports, inspections, predictions, trainings  # noqa: F401 -- registers every table
