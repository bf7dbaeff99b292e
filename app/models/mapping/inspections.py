"""Looks at a dataset before anything is learned from it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import User
from app.models.base import Json
from app.models.mapping.datasets import Dataset, Owned
from app.models.mapping.trainings import TrainingStatus
from app.models.system import Job


class Inspection(Owned):
    """A look at a dataset's imagery beside its labels: whether there are pictures, and whether labels lie on them."""

    __tablename__ = "inspections"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "dataset_id", "id"),
        Index(
            "uq_inspections_unfinished",
            "dataset_id",
            unique=True,
            postgresql_where=text("status IN ('SUBMITTED', 'RUNNING')"),
            info={"conflict": "This dataset is being inspected already."},
        ),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    source_imagery: Mapped[str] = mapped_column(String(200), doc="The imagery's URL template.")
    zoom_level: Mapped[int] = mapped_column(doc="The zoom level whose tiles it looks at.")
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="Where it is in its life.")
    started_at: Mapped[datetime | None] = mapped_column(doc="When it was begun.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, well or badly.")
    failure: Mapped[str | None] = mapped_column(String(500), doc="Why it failed, in words for a person.")
    findings: Mapped[Json | None]

    user: Mapped[User] = relationship(lazy="raise", doc="Who asked for it.")
    dataset: Mapped[Dataset] = relationship(back_populates="inspections", lazy="raise", doc="What is looked at.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The work behind it: progress, stage, expected end.")

    @property
    def tiles(self) -> int | None:
        """How many tiles its areas take, each area counted for itself; null until it is finished."""
        return None if self.findings is None else sum(area["tiles"] for area in self.findings["areas"])

    @property
    def tiles_without_imagery(self) -> int | None:
        """How many of them have no picture."""
        return None if self.findings is None else sum(area["tiles_without_imagery"] for area in self.findings["areas"])

    @property
    def shift_m(self) -> float | None:
        """How far labels lie from what they outline, in true metres; null if the pictures do not tell clearly."""
        return None if self.findings is None or self.findings["shift"] is None else self.findings["shift"]["distance_m"]

    @property
    def suggested_offset(self) -> list[float] | None:
        """The dataset's offset that would move them there, [x, y] in metres of EPSG:3857: for `updateDataset`."""
        if self.findings is None or self.findings["shift"] is None:
            return None
        east_m, north_m = self.findings["offset"]
        shift = self.findings["shift"]
        return [round(east_m + shift["east_m"], 2), round(north_m + shift["north_m"], 2)]
