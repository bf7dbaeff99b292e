"""Datasets, labels, trainings and predictions."""
