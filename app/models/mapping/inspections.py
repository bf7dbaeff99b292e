"""Inspections of a dataset before training."""

from datetime import datetime

from shapely.geometry.base import BaseGeometry
from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry.columns import Shape
from app.limits.mapping import IMAGERY_URL_LENGTH_MAX
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import Json
from app.models.mapping.datasets import Dataset, Owned
from app.models.mapping.trainings import TrainingStatus
from app.models.system import Job


class Inspection(Owned):
    """An inspection of a dataset: whether its imagery is complete and its labels are aligned with it."""

    __tablename__ = "inspections"
    __owned_by__ = (
        "user_id",
        "dataset_id",
    )
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "dataset_id", "id"),
        Index(
            "uq_inspections_unfinished",
            "dataset_id",
            unique=True,
            postgresql_where=text("status IN ('SUBMITTED', 'RUNNING')"),
            info={"conflict": "An inspection of this dataset is already running. Wait until it ends."},
        ),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    source_imagery: Mapped[str] = mapped_column(String(IMAGERY_URL_LENGTH_MAX), doc="The imagery's URL template.")
    zoom_level: Mapped[int] = mapped_column(doc="The zoom level of the tiles.")
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="The state of the import.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it started.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    findings: Mapped[Json | None]
    ground_without_imagery: Mapped[BaseGeometry | None] = mapped_column(
        Shape("GEOMETRY"), doc="The ground of the tiles without imagery within the areas; null if there is none."
    )

    user: Mapped[User] = relationship(lazy="raise", doc="Who requested it.")
    dataset: Mapped[Dataset] = relationship(back_populates="inspections", lazy="raise", doc="The dataset.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job, with its progress.")

    @property
    def tiles(self) -> int | None:
        """The number of tiles in its areas, each area counted separately; null until it is finished."""
        return None if self.findings is None else sum(area["tiles"] for area in self.findings["areas"])

    @property
    def tiles_without_imagery(self) -> int | None:
        """The number of tiles without imagery."""
        return None if self.findings is None else sum(area["tiles_without_imagery"] for area in self.findings["areas"])

    @property
    def shift_m(self) -> float | None:
        """The distance between labels and imagery, in true metres; null if the imagery does not tell clearly."""
        return None if self.findings is None or self.findings["shift"] is None else self.findings["shift"]["distance_m"]

    @property
    def suggested_offset(self) -> list[float] | None:
        """The dataset offset that would align the labels, [x, y] in metres of EPSG:3857, for `updateDataset`."""
        if self.findings is None or self.findings["shift"] is None:
            return None
        east_m, north_m = self.findings["offset"]
        shift = self.findings["shift"]
        return [round(east_m + shift["east_m"], 2), round(north_m + shift["north_m"], 2)]
