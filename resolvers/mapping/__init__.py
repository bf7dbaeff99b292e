"""Datasets, models, trainings and predictions."""
