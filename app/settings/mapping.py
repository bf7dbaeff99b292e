"""Areas, labels, feedback, exports and map tiles."""

from pydantic import BaseModel

from app.settings.units import MIB


class MappingSettings(BaseModel):
    """Areas, labels, feedback, exports and map tiles."""

    # Shapes and labels
    vertices_max: int = 10_000
    repair_vertices_max: int = 100
    repairs_per_upload_max: int = 100
    aoi_area_m2_min: float = 100
    aoi_area_m2_max: float = 5_000_000
    prediction_area_m2_max: float = 100_000_000
    labels_per_upload_max: int = 20_000
    labels_per_dataset_max: int = 100_000
    label_file_bytes_max: int = 200 * MIB
    aois_per_dataset_max: int = 500
    feedbacks_per_training_max: int = 10_000
    feedback_aois_per_training_max: int = 200
    feedback_labels_per_area_max: int = 20_000
    approved_predictions_per_training_max: int = 100_000
    feedback_comments_length_max: int = 100
    feedback_zoom_min: int = 18
    feedback_zoom_max: int = 23
    offset_m_max: float = 1_000

    exports_at_once: int = 2
    export_s_max: float = 300

    # Maps
    tile_zoom_max: int = 22
    tile_features_max: int = 10_000
    tile_cache_s: int = 60
    tiles_per_minute_max: int = 3_000
    archive_zoom_min: int = 7
    archive_zoom_max: int = 18
    map_points_max: int = 10_000
    statistics_cache_s: float = 60
    thumbnail_cache_s: int = 86_400
    thumbnail_failure_s: int = 60
