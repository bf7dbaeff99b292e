"""Predictions, what they found, and the files that heavy work leaves."""

from datetime import datetime
from enum import Enum

from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry import Shape
from app.models.accounts import Team, User
from app.models.base import BigInt, Json, Record
from app.models.mapping.datasets import Owned
from app.models.mapping.trainings import Training, TrainingStatus
from app.models.system import Job


class Verdict(Enum):
    """What the prediction's owner thinks of a feature it found."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class Conflation(Enum):
    """How a feature that was found stands to what OpenStreetMap has there: nothing, the same, or something beside."""

    NEW = "NEW"
    DUPLICATE = "DUPLICATE"
    OVERLAP = "OVERLAP"


class Prediction(Owned):
    """What a published model finds within an area."""

    __tablename__ = "predictions"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "training_id", "id"),
        Index(None, "team_id"),
        Index(None, "geom", postgresql_using="gist"),
        CheckConstraint("parts_done BETWEEN 0 AND parts", name="parts"),
    )

    training_id: Mapped[int] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="The area searched: one polygon or several.")
    description: Mapped[str | None] = mapped_column(String(500), doc="A note by whoever started it.")
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="Where it is in its life.")
    config: Mapped[Json] = mapped_column(
        doc="Its parameters: source, zoom_level, confidence and how outlines are drawn."
    )
    started_at: Mapped[datetime | None] = mapped_column(doc="When it was begun.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, well or badly.")
    result_count: Mapped[int | None] = mapped_column(doc="How many features were found; null until it is finished.")
    published: Mapped[bool] = mapped_column(default=False, doc="Whether everybody may see it.")
    published_at: Mapped[datetime | None] = mapped_column(doc="When it was first shown to everybody.")
    failure: Mapped[str | None] = mapped_column(String(500), doc="Why it failed, in words for a person.")
    part_zoom: Mapped[int] = mapped_column(default=0)
    parts: Mapped[int] = mapped_column(default=1, doc="In how many parts the area is searched, one after another.")
    parts_done: Mapped[int] = mapped_column(default=0, doc="How many of them are searched.")
    parts_without_imagery: Mapped[int] = mapped_column(default=0, doc="In how many of those there was nothing to see.")
    conflating: Mapped[bool] = mapped_column(
        default=False, doc="Whether it is being compared with OpenStreetMap at present."
    )
    conflated_at: Mapped[datetime | None] = mapped_column(doc="When it was last compared with OpenStreetMap.")
    conflation_error: Mapped[str | None] = mapped_column(String(500), doc="Why the last comparison failed, if it did.")

    user: Mapped[User] = relationship(back_populates="predictions", lazy="raise", doc="Who made it.")
    team: Mapped[Team | None] = relationship(
        lazy="raise", doc="The team it is shared with; null if with none, or with one that the viewer is not in."
    )
    training: Mapped[Training] = relationship(
        back_populates="predictions", lazy="raise", doc="The training whose weights it used."
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The work behind it: progress, stage, expected end.")
    features: Mapped[list["PredictedFeature"]] = relationship(
        back_populates="prediction", lazy="raise", doc="What was found."
    )
    artifacts: Mapped[list["Artifact"]] = relationship(back_populates="prediction", lazy="raise", doc="Its files.")

    @property
    def task_id(self) -> str | None:
        """The number of the job behind it, as operators see it in the logs."""
        return None if self.job_id is None else str(self.job_id)


class PredictedFeature(Record):
    """One feature a prediction found."""

    __tablename__ = "predicted_features"
    __table_args__ = (Index(None, "prediction_id", "id"), Index(None, "geom", postgresql_using="gist"))

    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"))
    geom: Mapped[Polygon] = mapped_column(Shape("POLYGON"), doc="Its outline, with holes where it has courtyards.")
    confidence: Mapped[float] = mapped_column(doc="How sure the model is, 0 to 1: its mean within the outline.")
    area_m2: Mapped[float] = mapped_column(doc="True area in square metres.")
    verdict: Mapped[Verdict | None] = mapped_column(doc="Whether it was accepted or rejected; null until it is.")
    conflation: Mapped[Conflation | None] = mapped_column(
        doc="How it stands to what OpenStreetMap has there; null until that is compared."
    )
    osm_share: Mapped[float | None] = mapped_column(
        doc="How much of its ground OpenStreetMap's features cover, 0 to 1; null until that is compared."
    )
    part: Mapped[int] = mapped_column(default=0)

    prediction: Mapped[Prediction] = relationship(
        back_populates="features", lazy="raise", doc="The prediction that found it."
    )


class Artifact(Record):
    """A file a training or a prediction left behind."""

    __tablename__ = "artifacts"
    __table_args__ = (
        CheckConstraint("(training_id IS NULL) <> (prediction_id IS NULL)", name="subject"),
        Index(None, "training_id", "id"),
        Index(None, "prediction_id", "id"),
    )

    training_id: Mapped[int | None] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"))
    prediction_id: Mapped[int | None] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100), doc="Its file name.")
    media_type: Mapped[str] = mapped_column(String(100), doc="What kind of file it is.")
    size_bytes: Mapped[BigInt] = mapped_column(BigInteger, doc="Its length in bytes.")
    storage_key: Mapped[str] = mapped_column(String(200))

    training: Mapped[Training | None] = relationship(
        back_populates="artifacts", lazy="raise", doc="The training behind it."
    )
    prediction: Mapped[Prediction | None] = relationship(
        back_populates="artifacts", lazy="raise", doc="The prediction behind it."
    )
