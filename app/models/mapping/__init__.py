"""Areas, labels, models, trainings, predictions and feedback: teaching a detector to see on aerial imagery."""

from app.models.mapping import datasets, feedback, imports, inspections, predictions, trainings  # noqa: F401 -- registers every table
