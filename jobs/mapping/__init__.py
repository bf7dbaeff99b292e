"""Fetching and importing labels, inspecting, training, predicting."""

from jobs.mapping.engine_files import FETCHING_SHARE
from jobs.mapping.inspections import inspect
from jobs.mapping.labels import fetch_feedback_labels, fetch_labels, import_labels
from jobs.mapping.predictions import conflate, predict
from jobs.mapping.removal import remove_prediction, remove_training
from jobs.mapping.trainings import train

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
