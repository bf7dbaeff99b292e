"""Trainings, predictions and base models."""

from pathlib import Path

from pydantic import BaseModel, Field

from app.settings.kinds import (
    BYTES_MAX,
    BaseModelLimits,
    Bytes,
    Count,
    Days,
    Duration,
    Pause,
    Share,
    SquareMetres,
    Zoom,
)
from app.settings.units import MIB


class LearningSettings(BaseModel):
    """Trainings, predictions and base models."""

    # What each base model may be asked for
    ramp: BaseModelLimits = Field(default=BaseModelLimits(epochs_max=40), description="The limits of RAMP.")
    yolo_v8_v1: BaseModelLimits = Field(
        default=BaseModelLimits(epochs_max=200), description="The limits of YOLO_V8_V1."
    )
    yolo_v8_v2: BaseModelLimits = Field(
        default=BaseModelLimits(epochs_max=200), description="The limits of YOLO_V8_V2."
    )

    # Pretrained weights
    weights_folder: Path | None = Field(
        default=None, description="Where pretrained weights are kept; fieldgraph/weights in the user's cache if unset."
    )

    # Trainings
    training_pretrained: bool = Field(
        default=True,
        description="Whether RAMP starts from a pretrained encoder. Without it, or without its weights on this "
        "machine, it trains a small network.",
    )
    training_views_per_epoch_min: Count = Field(default=128, description="Chips that the network sees in an epoch.")
    training_views_per_epoch_max: Count = Field(
        default=1_600, description="Most chips that the network sees in an epoch."
    )
    training_zoom_min: Zoom = Field(default=18, description="Lowest zoom of a training.")
    training_zoom_max: Zoom = Field(default=21, description="Highest zoom of a training.")
    training_s_max: Duration = Field(default=6 * 3_600, description="Time for a training or a prediction.")
    training_checkpoint_s: Pause = Field(default=10, description="Time between checkpoints of a training.")
    compiled_bytes_max: Bytes = Field(default=256 * MIB, description="Bytes of the cache of compiled networks.")
    training_memory_bytes_max: int = Field(
        default=8 * 1_024 * MIB, ge=512 * MIB, le=BYTES_MAX, description="Memory of a training or a prediction."
    )
    feedback_training_epochs_max: Count = Field(default=20, description="Epochs of a training from feedback.")
    feedback_training_batch_max: Count = Field(default=8, description="Batch size of a training from feedback.")
    feedback_training_zoom_min: Zoom = Field(default=19, description="Lowest zoom of a training from feedback.")
    feedback_training_zoom_max: Zoom = Field(default=21, description="Highest zoom of a training from feedback.")
    trainings_per_hour_max: Count = Field(default=20, description="Trainings that an account may start in an hour.")
    trainings_compared_max: Count = Field(default=20, description="Trainings in one comparison.")
    artifacts_kept_days: Days = Field(
        default=180, description="Days that the weights of unpublished trainings are kept."
    )
    queue_positions_max: Count = Field(default=1_000, description="Places of a queue that are counted.")
    queue_jobs_remembered_max: Count = Field(default=20, description="Last jobs that waiting times are estimated from.")

    # Predictions
    prediction_zoom_min: Zoom = Field(default=18, description="Lowest zoom of a prediction.")
    prediction_zoom_max: Zoom = Field(default=22, description="Highest zoom of a prediction.")
    prediction_views: int = Field(
        default=4,
        ge=1,
        le=8,
        description="Turned and mirrored views of a tile that RAMP averages; each takes as long as the first.",
    )
    prediction_part_tiles_max: Count = Field(default=1_024, description="Tiles of one part of a prediction.")
    prediction_parts_max: Count = Field(default=100, description="Parts of a prediction.")
    prediction_features_max: Count = Field(default=200_000, description="Features of a prediction.")
    prediction_seam_share_min: Share = Field(
        default=0.2, description="Share of a common border from which pieces on both sides of a seam are joined."
    )
    conflation_duplicate_share_min: Share = Field(
        default=0.5, description="Overlap from which a feature is in OpenStreetMap already."
    )
    conflation_overlap_share_min: Share = Field(
        default=0.05, description="Overlap from which a feature overlaps one of OpenStreetMap."
    )
    verdicts_at_once_max: Count = Field(default=1_000, description="Features that one request may accept or reject.")
    predictions_per_hour_max: Count = Field(default=50, description="Predictions that an account may start in an hour.")

    # Inspections and quality
    inspections_per_hour_max: Count = Field(default=30, description="Inspections that an account may start in an hour.")
    inspection_s_max: Duration = Field(default=600, description="Time for an inspection.")
    quality_area_m2_min: SquareMetres = Field(
        default=5_800, description="Area below which an area of interest is reported as small."
    )
    quality_area_m2_max: SquareMetres = Field(
        default=1_000_000, description="Area above which an area of interest is reported as large."
    )
    quality_shift_m_min: float = Field(
        default=1, ge=0, le=1_000, description="Shift of labels from which it is reported."
    )
