"""Teaching a detector: areas and labels, trainings, predictions."""

from app.services.mapping.datasets import create_aoi, create_dataset, update_dataset
from app.services.mapping.labels import (
    LabelUpload,
    area_to_label,
    ask_for_osm_labels,
    labelling_failed,
    replace_osm_labels,
    upload_labels,
)
from app.services.mapping.predictions import (
    Outlines,
    PredictionPlan,
    begin_prediction,
    finish_prediction,
    prediction_failed,
    prediction_topic,
    start_prediction,
)
from app.services.mapping.trainings import (
    Left,
    TrainingFigures,
    TrainingPlan,
    begin_training,
    cancel_training,
    create_model,
    finish_training,
    publish_training,
    start_training,
    training_failed,
    training_topic,
)

__all__ = [
    "LabelUpload",
    "Left",
    "Outlines",
    "PredictionPlan",
    "TrainingFigures",
    "TrainingPlan",
    "area_to_label",
    "ask_for_osm_labels",
    "begin_prediction",
    "begin_training",
    "cancel_training",
    "create_aoi",
    "create_dataset",
    "create_model",
    "finish_prediction",
    "finish_training",
    "labelling_failed",
    "prediction_failed",
    "prediction_topic",
    "publish_training",
    "replace_osm_labels",
    "start_prediction",
    "start_training",
    "training_failed",
    "training_topic",
    "update_dataset",
    "upload_labels",
]
