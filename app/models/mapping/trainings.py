"""Models and their trainings."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from shapely import Point
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry.columns import Shape
from app.limits.mapping import IMAGERY_URL_LENGTH_MAX
from app.limits.texts import NAME_LENGTH_MAX, NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import Json, add_relationship, not_exported
from app.models.mapping.datasets import Dataset, Edited, Owned
from app.models.names import Name
from app.models.subjects import Subject
from app.models.system import Job
from app.settings import settings
from app.training_options import BOUNDARY_WIDTH_PIXELS_MAX, CONTACT_SPACING_PIXELS_MAX

if TYPE_CHECKING:
    from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI
    from app.models.mapping.predictions import Artifact, Prediction


class ModelStatus(Enum):
    """Whether a model is in preparation, published, or archived.

    DRAFT: In preparation.
    PUBLISHED: Published.
    ARCHIVED: Archived.
    """

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


class BaseModel(Enum):
    """The network a model is trained from.

    RAMP: A U-Net that segments buildings.
    YOLO_V8_V1: YOLOv8 for segmentation, first version.
    YOLO_V8_V2: YOLOv8 for segmentation, second version.
    """

    RAMP = "RAMP"
    YOLO_V8_V1 = "YOLO_V8_V1"
    YOLO_V8_V2 = "YOLO_V8_V2"


class TrainingStatus(Enum):
    """The state of a training or a prediction. The last two are final.

    SUBMITTED: It waits for a worker.
    RUNNING: A worker is at work.
    FINISHED: It succeeded.
    FAILED: It failed; the error says why.
    """

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class Model(Subject, Edited):
    """A detection model: a base model and the dataset it is trained on."""

    __tablename__ = "models"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "dataset_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "name", "id"),
        Index(None, "last_modified", "id"),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(Name(NAME_LENGTH_MAX), doc=f"The name, at most {NAME_LENGTH_MAX} characters.")
    description: Mapped[str | None] = mapped_column(Text, doc="What the model is good for.")
    base_model: Mapped[BaseModel] = mapped_column(default=BaseModel.RAMP, doc="The network it is trained from.")
    status: Mapped[ModelStatus] = mapped_column(
        default=ModelStatus.DRAFT, doc="In preparation, published, or archived."
    )
    published_at: Mapped[datetime | None] = mapped_column(doc="When it was first published.")
    published_training_id: Mapped[int | None] = mapped_column(
        ForeignKey("trainings.id", ondelete="SET NULL", use_alter=True), index=True
    )

    user: Mapped[User] = relationship(back_populates="models", lazy="raise", doc="The owner.")
    dataset: Mapped[Dataset] = relationship(back_populates="models", lazy="raise", doc="The dataset it is trained on.")
    published_training: Mapped["Training | None"] = relationship(
        foreign_keys=published_training_id, lazy="raise", doc="The training whose weights predictions use."
    )
    trainings: Mapped[list["Training"]] = relationship(
        back_populates="model", foreign_keys="Training.model_id", lazy="raise", doc="The trainings."
    )

    @property
    def thumbnail(self) -> str | None:
        """The URL of a picture of its ground, 256 pixels square; null until the model is published."""
        if self.published_training_id is None:
            return None
        return f"{(settings.public_url or '').rstrip('/')}/thumbnails/{self.published_training_id}.png"


class Training(Subject, Owned):
    """One training run of a model."""

    __tablename__ = "trainings"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "model_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "accuracy", "id"),
        Index(None, "centroid", postgresql_using="gist"),
        CheckConstraint(
            f"input_contact_spacing BETWEEN 0 AND {CONTACT_SPACING_PIXELS_MAX}", name="input_contact_spacing"
        ),
        CheckConstraint(f"input_boundary_width BETWEEN 0 AND {BOUNDARY_WIDTH_PIXELS_MAX}", name="input_boundary_width"),
        Index(
            "uq_trainings_unfinished",
            "model_id",
            unique=True,
            postgresql_where=text("status IN ('SUBMITTED', 'RUNNING')"),
            info={"conflict": "This model already has a training that is queued or running. Wait for it or cancel it."},
        ),
    )

    model_id: Mapped[int] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), info=not_exported("a training belongs to who started it")
    )
    parent_training_id: Mapped[int | None] = mapped_column(ForeignKey("trainings.id", ondelete="SET NULL"), index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    source_imagery: Mapped[str] = mapped_column(String(IMAGERY_URL_LENGTH_MAX), doc="The imagery's URL template.")
    description: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="A note by the user who started it.")
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="The state of the import.")
    zoom_level: Mapped[list[int]] = mapped_column(ARRAY(Integer), doc="The zoom levels of the tiles.")
    epochs: Mapped[int] = mapped_column(doc="The maximum number of epochs.")
    batch_size: Mapped[int] = mapped_column(doc="The batch size in chips.")
    seed: Mapped[int] = mapped_column(
        default=0,
        server_default="0",
        doc="What chance is drawn from: equal areas, labels, options and seed give equal weights on one machine.",
    )
    freeze_layers: Mapped[bool] = mapped_column(default=False, doc="Whether the network's encoder is frozen.")
    multimasks: Mapped[bool] = mapped_column(
        default=False,
        server_default=false(),
        doc="Whether borders and narrow gaps between features are learned as classes of their own, with the widths "
        "given here. A pretrained RAMP always learns them, with widths of its own unless this is set.",
    )
    input_contact_spacing: Mapped[int] = mapped_column(
        default=8,
        server_default="8",
        doc=f"The maximum width of a narrow gap, in pixels, from 0 to {CONTACT_SPACING_PIXELS_MAX}.",
    )
    input_boundary_width: Mapped[int] = mapped_column(
        default=3, server_default="3", doc=f"The width of a border, in pixels, from 0 to {BOUNDARY_WIDTH_PIXELS_MAX}."
    )
    started_at: Mapped[datetime | None] = mapped_column(doc="When it started.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, successfully or not.")
    chips_length: Mapped[int] = mapped_column(default=0, doc="The number of training chips of 256 × 256 pixels.")
    centroid: Mapped[Point | None] = mapped_column(Shape("POINT"), doc="The centre of its areas.")
    tiles_without_imagery: Mapped[int | None] = mapped_column(
        doc="The number of tiles without imagery: empty ones, and those that could not be loaded. "
        "Null until it is finished."
    )
    ground_without_imagery: Mapped[BaseGeometry | None] = mapped_column(
        Shape("GEOMETRY"), doc="The ground of these tiles within the areas; null if there is none."
    )
    accuracy: Mapped[float | None] = mapped_column(
        doc="Intersection over union of building pixels on ground held back from training, in percent."
    )
    pixel_accuracy: Mapped[float | None] = mapped_column(doc="Pixel accuracy on validation ground, 0 to 1.")
    precision: Mapped[float | None] = mapped_column(doc="Precision of building pixels, 0 to 1.")
    recall: Mapped[float | None] = mapped_column(doc="Recall of building pixels, 0 to 1.")
    f1: Mapped[float | None] = mapped_column(doc="Harmonic mean of precision and recall, 0 to 1.")
    object_f1: Mapped[float | None] = mapped_column(
        doc="F1 over whole buildings, 0 to 1. A building counts as found if its IoU with a prediction "
        "is at least one half."
    )
    suggested_confidence: Mapped[int | None] = mapped_column(
        doc="The confidence in percent at which the most is right on validation ground. Predictions use it by default."
    )
    learning_curve: Mapped[Json | None] = mapped_column(
        doc="The figures of each epoch, and the epoch whose weights were kept."
    )
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")
    artifacts_deleted_at: Mapped[datetime | None] = mapped_column(
        doc="When its files were deleted to free space; null while they exist."
    )

    user: Mapped[User] = relationship(back_populates="trainings", lazy="raise", doc="Who started it.")
    model: Mapped[Model] = relationship(
        back_populates="trainings", foreign_keys=model_id, lazy="raise", doc="The model."
    )
    parent_training: Mapped["Training | None"] = relationship(
        remote_side="Training.id",
        lazy="raise",
        doc="The training it continues; null if it started from the base model.",
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The background job, with its progress.")
    artifacts: Mapped[list["Artifact"]] = relationship(back_populates="training", lazy="raise", doc="The files.")
    feedbacks: Mapped[list["Feedback"]] = relationship(
        back_populates="training", lazy="raise", doc="Feedback on its predictions."
    )
    feedback_aois: Mapped[list["FeedbackAOI"]] = relationship(
        back_populates="training", lazy="raise", doc="The correction areas."
    )
    predictions: Mapped[list["Prediction"]] = relationship(
        back_populates="training", lazy="raise", doc="Predictions with its weights that the viewer may see."
    )
    approved_predictions: Mapped[list["ApprovedPrediction"]] = relationship(
        back_populates="training", lazy="raise", doc="Approved predictions."
    )

    @property
    def task_id(self) -> str | None:
        """The id of the background job, as in the logs."""
        return None if self.job_id is None else str(self.job_id)


USER_MODELS = add_relationship(
    User, "models", relationship(Model, back_populates="user", lazy="raise", doc="Models the user created.")
)
USER_TRAININGS = add_relationship(
    User, "trainings", relationship(Training, back_populates="user", lazy="raise", doc="Trainings the user started.")
)
