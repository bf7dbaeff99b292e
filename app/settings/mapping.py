"""Areas, labels, feedback, exports and map tiles."""

from pydantic import BaseModel, Field

from app.settings.kinds import (
    INTEGER_MAX,
    SQUARE_METRES_MAX,
    Bytes,
    Count,
    CountOrNone,
    Duration,
    Pause,
    SquareMetres,
    WholePause,
    Zoom,
)
from app.settings.units import MIB


class MappingSettings(BaseModel):
    """Areas, labels, feedback, exports and map tiles."""

    # Shapes and labels
    vertices_max: int = Field(default=10_000, ge=4, le=INTEGER_MAX, description="Vertices of a shape.")
    repair_vertices_max: CountOrNone = Field(
        default=100, description="Vertices of a shape that is repaired if it is invalid."
    )
    repairs_per_upload_max: CountOrNone = Field(default=100, description="Shapes of an upload that are repaired.")
    aoi_area_m2_min: SquareMetres = Field(default=100, description="Smallest area of interest.")
    aoi_area_m2_max: SquareMetres = Field(default=5_000_000, description="Largest area of interest.")
    prediction_area_m2_max: float = Field(
        default=100_000_000, ge=1, le=SQUARE_METRES_MAX, description="Largest ground of a prediction."
    )
    labels_per_upload_max: Count = Field(default=20_000, description="Features of one `uploadLabels`.")
    labels_per_dataset_max: Count = Field(default=100_000, description="Labels of a dataset.")
    label_file_bytes_max: Bytes = Field(default=200 * MIB, description="Bytes of a file of labels.")
    label_file_unpacked_bytes_max: Bytes = Field(
        default=1_024 * MIB, description="Bytes of an unpacked file of labels."
    )
    label_tags_bytes_max: Bytes = Field(default=MIB // 16, description="Bytes of the tags of a label.")
    aois_per_dataset_max: Count = Field(default=500, description="Areas of a dataset.")
    feedbacks_per_training_max: Count = Field(default=10_000, description="Feedback entries of a training.")
    feedback_aois_per_training_max: Count = Field(default=200, description="Areas that correct a training.")
    feedback_labels_per_area_max: Count = Field(
        default=20_000, description="Labels of an area that corrects a training."
    )
    approved_predictions_per_training_max: Count = Field(
        default=100_000, description="Approved features of a training."
    )
    offset_m_max: float = Field(default=1_000, ge=0, le=100_000, description="How far labels may be moved.")
    exports_at_once: Count = Field(default=2, description="Downloads of labels that a process writes at once.")
    export_s_max: Duration = Field(default=300, description="Time for one download of labels.")

    # Maps
    tile_zoom_max: Zoom = Field(default=22, description="Highest zoom of map tiles.")
    tile_features_max: Count = Field(default=10_000, description="Features of one map tile.")
    tile_cache_s: WholePause = Field(default=60, description="How long clients may keep a map tile.")
    tiles_per_minute_max: Count = Field(default=3_000, description="Map tiles of a person in a minute.")
    archive_zoom_min: Zoom = Field(default=7, description="Lowest zoom of a PMTiles archive.")
    archive_zoom_max: Zoom = Field(default=18, description="Highest zoom of a PMTiles archive.")
    map_points_max: Count = Field(default=10_000, description="Points of an overview map.")
    statistics_cache_s: Pause = Field(
        default=60, description="How long a process keeps the statistics of the platform."
    )
    thumbnail_cache_s: WholePause = Field(default=86_400, description="How long clients may keep a thumbnail.")
    thumbnail_failure_s: WholePause = Field(
        default=60, description="How long a thumbnail that failed is not tried again."
    )
