"""Imports of label files."""

from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Json
from app.models.mapping.datasets import AOI, Owned
from app.models.mapping.trainings import TrainingStatus
from app.models.system import Job


class LabelFormat(Enum):
    """A format of label files.

    GEOJSON: GeoJSON.
    OSM_XML: OpenStreetMap XML, or JSON of Overpass.
    OSM_PBF: OpenStreetMap PBF.
    """

    GEOJSON = "GEOJSON"
    OSM_XML = "OSM_XML"
    OSM_PBF = "OSM_PBF"


class LabelImport(Owned):
    """An import of a label file into an area."""

    __tablename__ = "label_imports"
    __owned_by__ = (
        "user_id",
        "aoi_id",
    )
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "aoi_id"),
        UniqueConstraint(
            "storage_key",
            info={"conflict": "This upload was already imported, or is being imported. Upload the file again."},
        ),
    )

    aoi_id: Mapped[int] = mapped_column(ForeignKey("aois.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    format: Mapped[LabelFormat] = mapped_column(doc="The format of the file.")
    tags: Mapped[Json] = mapped_column(
        doc="Which areas of an OpenStreetMap file to import: keys with their accepted values. All areas, if empty."
    )
    replace: Mapped[bool] = mapped_column(doc="Whether labels uploaded earlier are removed.")
    strict: Mapped[bool] = mapped_column(
        default=False, server_default=false(), doc="Whether the import fails if a feature cannot be used."
    )
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="The state of the import.")
    storage_key: Mapped[str] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    added: Mapped[int | None] = mapped_column(doc="The number of labels added; null until it is finished.")
    outside: Mapped[int | None] = mapped_column(
        doc="The number of labels skipped because they do not overlap the area; null until it is finished."
    )
    skipped: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSONB(none_as_null=True), doc="Features that could not be used, by reason; null until it is finished."
    )
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")

    user: Mapped[User] = relationship(lazy="raise", doc="Who started it.")
    aoi: Mapped[AOI] = relationship(lazy="raise", doc="The target area.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job.")
