"""What people say of a training's predictions, and what it is to learn from that."""

from datetime import datetime
from enum import Enum

from shapely.geometry.base import BaseGeometry
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry import Shape
from app.models.accounts import User
from app.models.base import Json
from app.models.mapping.datasets import AOI, Area, Edited, Outlined, Owned
from app.models.mapping.trainings import Training


class FeedbackType(Enum):
    """What a prediction is, true or false, positive (a feature was found) or negative (none was)."""

    TP = "TP"
    TN = "TN"
    FP = "FP"
    FN = "FN"


class Review(Enum):
    """What the model's owner thinks of somebody's correction; only what is approved is trained on."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Feedback(Edited):
    """What somebody says of one spot of a prediction: that it is right, or how it is wrong."""

    __tablename__ = "feedbacks"
    __table_args__ = (
        CheckConstraint("zoom_level BETWEEN 18 AND 23", name="zoom_level"),
        Index(None, "training_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    training_id: Mapped[int] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"))
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="Where it is.")
    feedback_type: Mapped[FeedbackType] = mapped_column(doc="Whether the prediction is right there, and which way.")
    zoom_level: Mapped[int] = mapped_column(doc="The zoom level at which it was seen, from 18 to 23.")
    comments: Mapped[str | None] = mapped_column(String(100), doc="What else is to be said, at most 100 characters.")
    source_imagery: Mapped[str] = mapped_column(String(200), doc="The imagery on which it was seen.")

    user: Mapped[User] = relationship(back_populates="feedbacks", lazy="raise", doc="Who says so.")
    training: Mapped[Training] = relationship(
        back_populates="feedbacks", lazy="raise", doc="The training whose predictions it is about."
    )


class FeedbackAOI(Area):
    """An area that corrects a training: within it everything is labelled as it should have been found."""

    __tablename__ = "feedback_aois"
    __table_args__ = (
        CheckConstraint("(review = 'PENDING') = (reviewed_at IS NULL)", name="reviewed_at"),
        Index(None, "training_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    training_id: Mapped[int] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"))
    source_imagery: Mapped[str] = mapped_column(String(200), doc="The imagery on which it was drawn.")
    review: Mapped[Review] = mapped_column(
        default=Review.PENDING, doc="What the model's owner thinks of it; only what is approved is trained on."
    )
    reviewed_at: Mapped[datetime | None] = mapped_column(doc="When that was decided.")
    reviewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    aoi_id: Mapped[int | None] = mapped_column(ForeignKey("aois.id", ondelete="SET NULL"), index=True)

    user: Mapped[User] = relationship(foreign_keys="FeedbackAOI.user_id", lazy="raise", doc="Who drew it.")
    training: Mapped[Training] = relationship(
        back_populates="feedback_aois", lazy="raise", doc="The training it corrects."
    )
    reviewed_by: Mapped[User | None] = relationship(foreign_keys=reviewed_by_id, lazy="raise", doc="Who decided that.")
    aoi: Mapped[AOI | None] = relationship(
        lazy="raise", doc="The area of the dataset it was copied to; null until it is, and once that is deleted."
    )
    labels: Mapped[list["FeedbackLabel"]] = relationship(
        back_populates="feedback_aoi", lazy="raise", doc="The features within it."
    )


class FeedbackLabel(Outlined):
    """A feature that should have been found."""

    __tablename__ = "feedback_labels"
    __table_args__ = (
        Index(None, "feedback_aoi_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
        Index(
            "uq_feedback_labels_osm",
            "feedback_aoi_id",
            "osm_type",
            "osm_id",
            unique=True,
            postgresql_where=text("osm_id IS NOT NULL"),
        ),
    )

    feedback_aoi_id: Mapped[int] = mapped_column(ForeignKey("feedback_aois.id", ondelete="CASCADE"))

    user: Mapped[User | None] = relationship(lazy="raise", doc="Who drew it.")
    feedback_aoi: Mapped[FeedbackAOI] = relationship(back_populates="labels", lazy="raise", doc="The area it lies in.")


class ApprovedPrediction(Owned):
    """A feature that a training found and somebody holds to be right."""

    __tablename__ = "approved_predictions"
    __table_args__ = (
        Index(None, "training_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
        # Whoever approves an outline twice has approved it once; the outline itself may be too long for an index.
        Index("uq_approved_predictions_geom", "training_id", "user_id", text("md5(st_asbinary(geom))"), unique=True),
    )

    training_id: Mapped[int] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"))
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="Its outline.")
    config: Mapped[Json | None] = mapped_column(doc="The parameters by which it was found.")

    user: Mapped[User] = relationship(back_populates="approved_predictions", lazy="raise", doc="Who approved it.")
    training: Mapped[Training] = relationship(
        back_populates="approved_predictions", lazy="raise", doc="The training that found it."
    )

    @property
    def approved_at(self) -> datetime:
        """When it was approved."""
        return self.created_at
