"""Feedback on a training's predictions, and corrections to learn from."""

from datetime import datetime
from enum import Enum

from shapely.geometry.base import BaseGeometry
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry.columns import Shape
from app.limits.mapping import (
    FEEDBACK_COMMENTS_LENGTH_MAX,
    FEEDBACK_ZOOM_MAX,
    FEEDBACK_ZOOM_MIN,
    IMAGERY_URL_LENGTH_MAX,
)
from app.models.accounts import User
from app.models.base import Json, add_relationship, not_exported
from app.models.mapping.datasets import AOI, Area, Edited, Outlined, Owned
from app.models.mapping.trainings import Training


class FeedbackType(Enum):
    """True or false positive (a feature was found), or true or false negative (none was found).

    TP: True positive: a feature was found and is there.
    TN: True negative: none was found and none is there.
    FP: False positive: a feature was found and is not there.
    FN: False negative: a feature is there and was not found.
    """

    TP = "TP"
    TN = "TN"
    FP = "FP"
    FN = "FN"


class Review(Enum):
    """The review of a correction by the model's owner. Only approved corrections are trained on.

    PENDING: Not reviewed yet.
    APPROVED: Approved.
    REJECTED: Rejected.
    """

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Feedback(Edited):
    """Feedback on a prediction at one place: that it is right, or how it is wrong."""

    __tablename__ = "feedbacks"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint(f"zoom_level BETWEEN {FEEDBACK_ZOOM_MIN} AND {FEEDBACK_ZOOM_MAX}", name="zoom_level"),
        Index(None, "training_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    training_id: Mapped[int] = mapped_column(
        ForeignKey("trainings.id", ondelete="CASCADE"), info=not_exported("feedback belongs to who gave it")
    )
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="The place.")
    feedback_type: Mapped[FeedbackType] = mapped_column(doc="Whether the prediction is right there, and in which way.")
    zoom_level: Mapped[int] = mapped_column(
        doc=f"The zoom level of the view, from {FEEDBACK_ZOOM_MIN} to {FEEDBACK_ZOOM_MAX}."
    )
    comments: Mapped[str | None] = mapped_column(
        String(FEEDBACK_COMMENTS_LENGTH_MAX), doc=f"A comment, at most {FEEDBACK_COMMENTS_LENGTH_MAX} characters."
    )
    source_imagery: Mapped[str] = mapped_column(String(IMAGERY_URL_LENGTH_MAX), doc="The imagery of the view.")

    user: Mapped[User] = relationship(back_populates="feedbacks", lazy="raise", doc="The author.")
    training: Mapped[Training] = relationship(back_populates="feedbacks", lazy="raise", doc="The training.")


class FeedbackAOI(Area):
    """A correction area. All features within it are labelled as they should have been found."""

    __tablename__ = "feedback_aois"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint("(review = 'PENDING') = (reviewed_at IS NULL)", name="reviewed_at"),
        Index(None, "training_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    training_id: Mapped[int] = mapped_column(
        ForeignKey("trainings.id", ondelete="CASCADE"), info=not_exported("feedback belongs to who gave it")
    )
    source_imagery: Mapped[str] = mapped_column(String(IMAGERY_URL_LENGTH_MAX), doc="The imagery it was drawn on.")
    review: Mapped[Review] = mapped_column(
        default=Review.PENDING, doc="The review by the model's owner. Only approved areas are trained on."
    )
    reviewed_at: Mapped[datetime | None] = mapped_column(doc="When it was reviewed.")
    reviewed_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True, info=not_exported("the area belongs to who drew it")
    )
    aoi_id: Mapped[int | None] = mapped_column(ForeignKey("aois.id", ondelete="SET NULL"), index=True)

    user: Mapped[User] = relationship(foreign_keys="FeedbackAOI.user_id", lazy="raise", doc="Who drew it.")
    training: Mapped[Training] = relationship(
        back_populates="feedback_aois", lazy="raise", doc="The training it corrects."
    )
    reviewed_by: Mapped[User | None] = relationship(foreign_keys=reviewed_by_id, lazy="raise", doc="Who reviewed it.")
    aoi: Mapped[AOI | None] = relationship(
        lazy="raise", doc="The copy of this area in the dataset; null before the copy is made or after it is deleted."
    )
    labels: Mapped[list["FeedbackLabel"]] = relationship(
        back_populates="feedback_aoi", lazy="raise", doc="The labels of the area."
    )


class FeedbackLabel(Outlined):
    """A feature that should have been found."""

    __tablename__ = "feedback_labels"
    __owned_by__ = (
        "user_id",
        "feedback_aoi_id",
    )
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
    """A predicted feature that a user confirmed."""

    __tablename__ = "approved_predictions"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "training_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
        # Whoever approves an outline twice has approved it once; the outline itself may be too long for an index.
        Index("uq_approved_predictions_geom", "training_id", "user_id", text("md5(st_asbinary(geom))"), unique=True),
    )

    training_id: Mapped[int] = mapped_column(
        ForeignKey("trainings.id", ondelete="CASCADE"), info=not_exported("feedback belongs to who gave it")
    )
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="The outline.")
    config: Mapped[Json | None] = mapped_column(doc="The parameters of the prediction.")

    user: Mapped[User] = relationship(back_populates="approved_predictions", lazy="raise", doc="Who approved it.")
    training: Mapped[Training] = relationship(
        back_populates="approved_predictions", lazy="raise", doc="The training that found it."
    )

    @property
    def approved_at(self) -> datetime:
        """When it was approved."""
        return self.created_at


USER_FEEDBACKS = add_relationship(
    User,
    "feedbacks",
    relationship(Feedback, back_populates="user", lazy="raise", doc="Feedback the user gave on predictions."),
)
USER_APPROVED_PREDICTIONS = add_relationship(
    User,
    "approved_predictions",
    relationship(ApprovedPrediction, back_populates="user", lazy="raise", doc="The number of predictions approved."),
)
