"""Calibration of distances at a deployment: marked samples, and the result that was fitted to them."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Float, ForeignKey, Index, func, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import User
from app.models.base import Json, Record, not_exported
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource

MARKED = "a calibration belongs to who made it"


class CalibrationSample(Record):
    """A marked object at a known distance from the camera of a deployment."""

    __tablename__ = "calibration_samples"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "deployment_id", "id"),
        Index(None, "resource_id"),
        Index(None, "user_id", "id"),
        CheckConstraint("cardinality(bbox) = 4 AND bbox[3] > 0 AND bbox[4] > 0", name="bbox"),
        CheckConstraint("distance > 0 AND distance <= 1000", name="distance"),
        CheckConstraint("frame_index >= 0", name="frame_index"),
    )

    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), info=not_exported(MARKED)
    )
    resource_id: Mapped[int] = mapped_column(ForeignKey("resources.id", ondelete="CASCADE"), info=not_exported(MARKED))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    bbox: Mapped[list[float]] = mapped_column(
        ARRAY(Float), doc="The marked box `[x, y, width, height]`, relative to the picture."
    )
    distance: Mapped[float] = mapped_column(doc="The distance from the camera in metres.")
    frame_index: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default=text("0"), doc="The frame that is marked; 0 for images."
    )
    # The raw depth that a depth model gave at the box, where one did.
    depth: Mapped[float | None] = mapped_column(doc="The raw depth at the box, as a depth provider gives it.")

    deployment: Mapped[Deployment] = relationship(lazy="raise", doc="The deployment.")
    resource: Mapped[Resource] = relationship(lazy="raise", doc="The medium.")
    user: Mapped[User | None] = relationship(lazy="raise", doc="Who marked it.")


class CalibrationResult(Record):
    """A function from raw depth to metres, fitted to the samples of a deployment. One of each deployment is active."""

    __tablename__ = "calibration_results"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "deployment_id", "id"),
        Index(None, "user_id", "id"),
        Index("uq_calibration_results_active", "deployment_id", unique=True, postgresql_where=text("is_active")),
    )

    deployment_id: Mapped[int] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), info=not_exported(MARKED)
    )
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    is_active: Mapped[bool] = mapped_column(
        default=True, server_default=true(), doc="Whether distances are computed with it."
    )
    fitted_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When it was fitted.")
    params: Mapped[Json] = mapped_column(
        default=dict, doc="`{scale, offset}`: metres are scale · depth + offset, never below 0."
    )
    residual: Mapped[float] = mapped_column(doc="The root mean square error over the samples, in metres.")
    samples_count: Mapped[int] = mapped_column(doc="The number of samples.")

    deployment: Mapped[Deployment] = relationship(lazy="raise", doc="The deployment.")
    user: Mapped[User | None] = relationship(lazy="raise", doc="Who fitted it.")
