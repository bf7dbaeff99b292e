"""Trainings, predictions and base models."""

from pydantic import BaseModel

from app.settings.kinds import BaseModelLimits
from app.settings.units import MIB


class LearningSettings(BaseModel):
    """Trainings, predictions and base models."""

    ramp: BaseModelLimits = BaseModelLimits(epochs_max=40)
    yolo_v8_v1: BaseModelLimits = BaseModelLimits(epochs_max=200)
    yolo_v8_v2: BaseModelLimits = BaseModelLimits(epochs_max=200)
    training_views_per_epoch_min: int = 128
    training_views_per_epoch_max: int = 1_600
    training_contact_spacing_max: int = 20
    training_boundary_width_max: int = 10
    training_zoom_min: int = 18
    training_zoom_max: int = 21
    training_s_max: float = 6 * 3_600
    training_checkpoint_s: float = 10
    compiled_bytes_max: int = 256 * MIB
    training_memory_bytes_max: int = 8 * 1_024 * MIB
    prediction_zoom_min: int = 18
    prediction_zoom_max: int = 22
    prediction_part_tiles_max: int = 1_024
    prediction_parts_max: int = 100
    prediction_features_max: int = 200_000
    prediction_seam_share_min: float = 0.2
    conflation_duplicate_share_min: float = 0.5
    conflation_overlap_share_min: float = 0.05
    verdicts_at_once_max: int = 1_000
    feedback_training_epochs_max: int = 20
    feedback_training_batch_max: int = 8
    feedback_training_zoom_min: int = 19
    feedback_training_zoom_max: int = 21
    trainings_per_hour_max: int = 20
    predictions_per_hour_max: int = 50
    inspections_per_hour_max: int = 30
    inspection_s_max: float = 600
    trainings_compared_max: int = 20
    artifacts_kept_days: int = 180
    queue_jobs_remembered_max: int = 20
    quality_area_m2_min: float = 5_800
    quality_area_m2_max: float = 1_000_000
    quality_shift_m_min: float = 1
