"""Areas, labels, models, trainings, predictions and feedback: teaching a detector to see on aerial imagery."""

from app.models.mapping.datasets import (
    AOI,
    Contributions,
    Dataset,
    DatasetStatus,
    DownloadStatus,
    Label,
    LabelOrigin,
)
from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI, FeedbackLabel, FeedbackType, Review
from app.models.mapping.imports import LabelFormat, LabelImport
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Artifact, Conflation, PredictedFeature, Prediction, Verdict
from app.models.mapping.trainings import BaseModel, Model, ModelStatus, Training, TrainingStatus

__all__ = [
    "AOI",
    "ApprovedPrediction",
    "Artifact",
    "BaseModel",
    "Conflation",
    "Contributions",
    "Dataset",
    "DatasetStatus",
    "DownloadStatus",
    "Feedback",
    "FeedbackAOI",
    "FeedbackLabel",
    "FeedbackType",
    "Inspection",
    "Label",
    "LabelFormat",
    "LabelImport",
    "LabelOrigin",
    "Model",
    "ModelStatus",
    "PredictedFeature",
    "Prediction",
    "Review",
    "Training",
    "TrainingStatus",
    "Verdict",
]
