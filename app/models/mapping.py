"""Areas, labels, models, trainings and predictions: teaching a detector to see on aerial imagery."""

from datetime import datetime
from enum import Enum

from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Float, ForeignKey, Index, Integer, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.geometry import Shape
from app.models.accounts import User
from app.models.base import BigInt, Json, Record
from app.models.system import Job


class DatasetStatus(Enum):
    """Whether a dataset is being made, in use, or put away."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class DownloadStatus(Enum):
    """How far the fetching of an area's labels is."""

    NOT_DOWNLOADED = "NOT_DOWNLOADED"
    RUNNING = "RUNNING"
    DOWNLOADED = "DOWNLOADED"


class LabelOrigin(Enum):
    """Where a label came from; fetching again replaces only those from OpenStreetMap."""

    OSM = "OSM"
    UPLOAD = "UPLOAD"
    DRAWN = "DRAWN"


class ModelStatus(Enum):
    """Whether a model is being made, offered to everybody, or put away."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


class BaseModel(Enum):
    """The network a model is trained from."""

    RAMP = "RAMP"
    YOLO_V8_V1 = "YOLO_V8_V1"
    YOLO_V8_V2 = "YOLO_V8_V2"


class TrainingStatus(Enum):
    """Where a training or a prediction is in its life; the last two are final."""

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class Owned(Record):
    """A row somebody made."""

    __abstract__ = True

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


class Edited(Owned):
    """A row somebody made and may change."""

    __abstract__ = True

    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )


class Dataset(Edited):
    """Areas with labels over one source of imagery: what a model learns from."""

    __tablename__ = "datasets"
    __table_args__ = (
        CheckConstraint('array_length("offset", 1) = 2', name="offset"),
        Index(None, "user_id", "id"),
        Index(None, "name", "id"),
        Index(None, "last_modified", "id"),
    )

    name: Mapped[str] = mapped_column(String(50), doc="Its name, at most 50 characters.")
    source_imagery: Mapped[str | None] = mapped_column(
        String(200), doc="The imagery's URL template, such as https://tiles.example.org/{z}/{x}/{y}.png."
    )
    status: Mapped[DatasetStatus] = mapped_column(default=DatasetStatus.DRAFT, doc="In the making, used, or put away.")
    offset: Mapped[list[float]] = mapped_column(
        ARRAY(Float),
        default=lambda: [0.0, 0.0],
        doc="How far labels are moved, [x, y] in metres of EPSG:3857, to lie upon the imagery.",
    )

    user: Mapped[User] = relationship(back_populates="datasets", lazy="raise", doc="Who made it.")
    aois: Mapped[list["AOI"]] = relationship(back_populates="dataset", lazy="raise", doc="Its areas of interest.")
    models: Mapped[list["Model"]] = relationship(
        back_populates="dataset", lazy="raise", doc="The models trained on it."
    )


class AOI(Edited):
    """An area of interest: within it every feature is labelled, so that what is not labelled is known to be absent."""

    __tablename__ = "aois"
    __table_args__ = (
        Index(None, "dataset_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    geom: Mapped[Polygon] = mapped_column(Shape("POLYGON"), doc="Its boundary.")
    label_status: Mapped[DownloadStatus] = mapped_column(
        default=DownloadStatus.NOT_DOWNLOADED, doc="How far the fetching of its labels is."
    )
    label_fetched: Mapped[datetime | None] = mapped_column(doc="When its labels were last fetched from OpenStreetMap.")
    label_error: Mapped[str | None] = mapped_column(String(500), doc="Why the last fetching failed, if it did.")

    user: Mapped[User] = relationship(lazy="raise", doc="Who made it.")
    dataset: Mapped[Dataset] = relationship(back_populates="aois", lazy="raise", doc="The dataset it belongs to.")
    labels: Mapped[list["Label"]] = relationship(back_populates="aoi", lazy="raise", doc="The features within it.")


class Label(Record):
    """A feature known to be there, usually a building's footprint."""

    __tablename__ = "labels"
    __table_args__ = (
        Index(None, "aoi_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
        Index(
            "uq_labels_osm", "aoi_id", "osm_type", "osm_id", unique=True, postgresql_where=text("osm_id IS NOT NULL")
        ),
    )

    aoi_id: Mapped[int] = mapped_column(ForeignKey("aois.id", ondelete="CASCADE"))
    geom: Mapped[BaseGeometry] = mapped_column(Shape("GEOMETRY"), doc="Its outline.")
    origin: Mapped[LabelOrigin] = mapped_column(doc="Where it came from.")
    osm_id: Mapped[BigInt | None] = mapped_column(doc="Its OpenStreetMap id, if it has one.")
    osm_type: Mapped[str | None] = mapped_column(
        String(20), doc="node, way or relation: ids are unique only within one."
    )
    tags: Mapped[Json | None] = mapped_column(doc="Its OpenStreetMap tags.")

    aoi: Mapped[AOI] = relationship(back_populates="labels", lazy="raise", doc="The area it lies in.")


class Model(Edited):
    """A detector: a base model and the dataset it is trained on."""

    __tablename__ = "models"
    __table_args__ = (
        Index(None, "dataset_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "name", "id"),
        Index(None, "last_modified", "id"),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(50), doc="Its name, at most 50 characters.")
    description: Mapped[str | None] = mapped_column(Text, doc="What it is good for.")
    base_model: Mapped[BaseModel] = mapped_column(default=BaseModel.RAMP, doc="The network it is trained from.")
    status: Mapped[ModelStatus] = mapped_column(default=ModelStatus.DRAFT, doc="In the making, published, or put away.")
    published_training_id: Mapped[int | None] = mapped_column(
        ForeignKey("trainings.id", ondelete="SET NULL", use_alter=True), index=True
    )

    user: Mapped[User] = relationship(back_populates="models", lazy="raise", doc="Who made it.")
    dataset: Mapped[Dataset] = relationship(back_populates="models", lazy="raise", doc="What it is trained on.")
    published_training: Mapped["Training | None"] = relationship(
        foreign_keys=published_training_id, lazy="raise", doc="The training whose weights predictions use."
    )
    trainings: Mapped[list["Training"]] = relationship(
        back_populates="model", foreign_keys="Training.model_id", lazy="raise", doc="Its trainings."
    )


class Training(Owned):
    """One run of teaching a model."""

    __tablename__ = "trainings"
    __table_args__ = (
        Index(None, "model_id", "id"),
        Index(None, "user_id", "id"),
        Index(None, "accuracy", "id"),
        Index(None, "centroid", postgresql_using="gist"),
        Index(
            "uq_trainings_unfinished",
            "model_id",
            unique=True,
            postgresql_where=text("status IN ('SUBMITTED', 'RUNNING')"),
            info={"conflict": "This model has a training that is not finished yet."},
        ),
    )

    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    source_imagery: Mapped[str] = mapped_column(String(200), doc="The imagery's URL template.")
    description: Mapped[str | None] = mapped_column(String(500), doc="A note by whoever started it.")
    status: Mapped[TrainingStatus] = mapped_column(default=TrainingStatus.SUBMITTED, doc="Where it is in its life.")
    zoom_level: Mapped[list[int]] = mapped_column(ARRAY(Integer), doc="The zoom levels whose tiles it sees.")
    epochs: Mapped[int] = mapped_column(doc="How many passes it may make.")
    batch_size: Mapped[int] = mapped_column(doc="How many chips are shown to the network at once.")
    freeze_layers: Mapped[bool] = mapped_column(
        default=False, doc="Whether the network's first levels stay as they were."
    )
    started_at: Mapped[datetime | None] = mapped_column(doc="When it was begun.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it ended, well or badly.")
    chips_length: Mapped[int] = mapped_column(default=0, doc="How many chips of 256 × 256 pixels it learned from.")
    centroid: Mapped[Point | None] = mapped_column(Shape("POINT"), doc="The middle of its areas.")
    accuracy: Mapped[float | None] = mapped_column(
        doc="Intersection over union of building pixels on ground held back from training, in percent."
    )
    pixel_accuracy: Mapped[float | None] = mapped_column(doc="Share of validation pixels that are right, 0 to 1.")
    precision: Mapped[float | None] = mapped_column(doc="Share of predicted building pixels that are right, 0 to 1.")
    recall: Mapped[float | None] = mapped_column(doc="Share of true building pixels that were found, 0 to 1.")
    f1: Mapped[float | None] = mapped_column(doc="Harmonic mean of precision and recall, 0 to 1.")
    object_f1: Mapped[float | None] = mapped_column(
        doc="F1 over whole buildings, counted as found when prediction and truth share half of their union, 0 to 1."
    )
    failure: Mapped[str | None] = mapped_column(String(500), doc="Why it failed, in words for a person.")

    user: Mapped[User] = relationship(back_populates="trainings", lazy="raise", doc="Who made it.")
    model: Mapped[Model] = relationship(
        back_populates="trainings", foreign_keys=model_id, lazy="raise", doc="What is being taught."
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The work behind it: progress, stage, expected end.")
    artifacts: Mapped[list["Artifact"]] = relationship(back_populates="training", lazy="raise", doc="Its files.")

    @property
    def task_id(self) -> str | None:
        """The number of the job behind it, as operators see it in the logs."""
        return None if self.job_id is None else str(self.job_id)


class Prediction(Owned):
    """What a published model finds within an area."""

    __tablename__ = "predictions"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "training_id", "id"),
        Index(None, "geom", postgresql_using="gist"),
    )

    training_id: Mapped[int] = mapped_column(ForeignKey("trainings.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    geom: Mapped[Polygon] = mapped_column(Shape("POLYGON"), doc="The area searched.")
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

    user: Mapped[User] = relationship(lazy="raise", doc="Who made it.")
    training: Mapped[Training] = relationship(lazy="raise", doc="The training whose weights it used.")
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
