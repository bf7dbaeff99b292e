"""Fetching and importing labels, inspecting, training, predicting."""

from jobs.mapping.inspections import inspect
from jobs.mapping.labels import fetch_feedback_labels, fetch_labels, import_labels
from jobs.mapping.predictions import conflate, predict
from jobs.mapping.removal import remove_prediction, remove_training
from jobs.mapping.trainings import train
from jobs.mapping.workbench import FETCHING_SHARE

__all__ = [
    "FETCHING_SHARE",
    "conflate",
    "fetch_feedback_labels",
    "fetch_labels",
    "import_labels",
    "inspect",
    "predict",
    "remove_prediction",
    "remove_training",
    "train",
]
