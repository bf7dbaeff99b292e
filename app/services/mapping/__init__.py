"""Teaching a detector: areas and labels, trainings, predictions."""
