"""Datasets, models, trainings and predictions."""

from resolvers.mapping.datasets import (
    NamedOrder,
    create_aoi,
    create_dataset,
    dataset,
    datasets,
    fetch_osm_labels,
    update_dataset,
    upload_labels,
)
from resolvers.mapping.live import Epoch, JobEvent, PredictionEvent, TrainingEvent, prediction_updated, training_updated
from resolvers.mapping.predictions import prediction, predictions, start_prediction
from resolvers.mapping.trainings import (
    TrainingOrder,
    cancel_training,
    create_model,
    link,
    model,
    models,
    publish_training,
    start_training,
    training,
    trainings,
)

__all__ = [
    "Epoch",
    "JobEvent",
    "NamedOrder",
    "PredictionEvent",
    "TrainingEvent",
    "TrainingOrder",
    "cancel_training",
    "create_aoi",
    "create_dataset",
    "create_model",
    "dataset",
    "datasets",
    "fetch_osm_labels",
    "link",
    "model",
    "models",
    "prediction",
    "prediction_updated",
    "predictions",
    "publish_training",
    "start_prediction",
    "start_training",
    "training",
    "training_updated",
    "trainings",
    "update_dataset",
    "upload_labels",
]
