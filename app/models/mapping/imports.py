"""Files of labels, and their way into areas."""

from datetime import datetime
from enum import Enum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import User
from app.models.base import Json
from app.models.mapping.datasets import AOI, Owned
from app.models.mapping.trainings import TrainingStatus
from app.models.system import Job


class LabelFormat(Enum):
    """What labels are read from, and written to."""

    GEOJSON = "GEOJSON"
    OSM_XML = "OSM_XML"


class LabelImport(Owned):
    """A file of labels on its way into an area."""

    __tablename__ = "label_imports"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "aoi_id"),
        UniqueConstraint("storage_key", info={"conflict": "This upload is being imported, or was."}),
    )

    aoi_id: Mapped[int] = mapped_column(ForeignKey("aois.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    format: Mapped[LabelFormat] = mapped_column(doc="What kind of file it is.")
    tags: Mapped[Json] = mapped_column(
        doc="Which areas of OSM XML are labels: keys with the values they may have. All, if no key is named."
    )
    replace: Mapped[bool] = mapped_column(doc="Whether labels uploaded earlier make way.")
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="Where it is in its life.")
    storage_key: Mapped[str] = mapped_column(String(200))
    added: Mapped[int | None] = mapped_column(doc="How many labels were added; null until it is finished.")
    outside: Mapped[int | None] = mapped_column(
        doc="How many were left out because they share no ground with the area; null until it is finished."
    )
    failure: Mapped[str | None] = mapped_column(String(500), doc="Why it failed, in words for a person.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, well or badly.")

    user: Mapped[User] = relationship(lazy="raise", doc="Who made it.")
    aoi: Mapped[AOI] = relationship(lazy="raise", doc="The area its labels go to.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The work behind it.")
