"""The nouns: tables, constraints, and what a row knows about itself."""

from app.models.accounts import DeliveryMethod, Session, Team, TeamInvitation, TeamMembership, User
from app.models.base import Base, BigInt, Json, Record
from app.models.mapping import (
    AOI,
    Artifact,
    BaseModel,
    Dataset,
    DatasetStatus,
    DownloadStatus,
    Label,
    LabelOrigin,
    Model,
    ModelStatus,
    PredictedFeature,
    Prediction,
    Training,
    TrainingStatus,
)
from app.models.system import Event, Job, JobKind, JobState, UserNotification

__all__ = [
    "AOI",
    "Artifact",
    "Base",
    "BaseModel",
    "BigInt",
    "Dataset",
    "DatasetStatus",
    "DeliveryMethod",
    "DownloadStatus",
    "Event",
    "Job",
    "JobKind",
    "JobState",
    "Json",
    "Label",
    "LabelOrigin",
    "Model",
    "ModelStatus",
    "PredictedFeature",
    "Prediction",
    "Record",
    "Session",
    "Team",
    "TeamInvitation",
    "TeamMembership",
    "Training",
    "TrainingStatus",
    "User",
    "UserNotification",
]
