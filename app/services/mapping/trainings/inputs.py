"""The input of a training: its dataset's areas, approved corrections, and initial weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Select, case, func, select, type_coerce

from app.database import ReadSession
from app.geometry.shapes import SRID
from app.models.mapping.datasets import AOI, Dataset, Label, LabelOrigin
from app.models.mapping.feedback import FeedbackAOI, FeedbackLabel, Review
from app.models.mapping.predictions import Artifact
from app.models.mapping.trainings import Model, Training
from app.training_options import TrainingOptions

WEIGHTS = "checkpoint.safetensors"
MERCATOR = 3857


@dataclass(frozen=True)
class TrainingPlan:
    """What a worker needs to train."""

    base_model: str
    source_imagery: str
    options: TrainingOptions
    offset_m: Sequence[float]
    aois: Sequence[BaseGeometry]
    labels: Sequence[tuple[BaseGeometry, dict[str, object]]]
    initial_key: str | None


async def plan_of(session: ReadSession, training: Training) -> TrainingPlan:
    """The input of a training that is about to start."""
    model = await session.get_one(Model, training.model_id)
    dataset = await session.get_one(Dataset, model.dataset_id)
    parent_id = training.parent_training_id
    aois = select(AOI.geom).where(AOI.dataset_id == dataset.id).order_by(AOI.id)
    labels = select(Label.geom, Label.osm_id, Label.tags).join(AOI).where(AOI.dataset_id == dataset.id)
    # Copied corrections are already among the dataset's areas.
    corrects = is_to_learn_from(parent_id) & FeedbackAOI.aoi_id.is_(None)
    corrections = select(FeedbackAOI.geom).where(corrects).order_by(FeedbackAOI.id)
    outline = type_coerce(outline_in(dataset), FeedbackLabel.geom.type)
    missed = select(outline, FeedbackLabel.osm_id, FeedbackLabel.tags).join(FeedbackAOI).where(corrects)
    labelled = [
        *await session.execute(labels.order_by(Label.id)),
        *await session.execute(missed.order_by(FeedbackLabel.id)),
    ]
    return TrainingPlan(
        base_model=model.base_model.value,
        source_imagery=training.source_imagery,
        options=TrainingOptions.of(training),
        offset_m=dataset.offset,
        aois=[*await session.scalars(aois), *await session.scalars(corrections)],
        labels=[(geom, {"osm_id": osm_id, "tags": tags}) for geom, osm_id, tags in labelled],
        initial_key=None if parent_id is None else await session.scalar(weights_of(parent_id)),
    )


def is_to_learn_from(training_id: int | None) -> ColumnElement[bool]:
    """Whether an approved correction belongs to this training or an ancestor.

    Corrections of ancestors are trained on again: a network forgets what it no longer sees.
    """
    line = select(Training.id, Training.parent_training_id).where(Training.id == training_id).cte(recursive=True)
    before = select(Training.id, Training.parent_training_id).join(line, Training.id == line.c.parent_training_id)
    return (FeedbackAOI.review == Review.APPROVED) & FeedbackAOI.training_id.in_(select(line.union(before).c.id))


def outline_in(dataset: Dataset) -> ColumnElement[BaseGeometry]:
    """The outline of a correction's label in the dataset's coordinates.

    Drawn labels are already aligned with the imagery, and the dataset's offset is going to move them.
    """
    east_m, north_m = dataset.offset
    upon_map = func.ST_Translate(func.ST_Transform(FeedbackLabel.geom, MERCATOR), -east_m, -north_m)
    drawn = func.ST_Transform(upon_map, SRID)
    return case((FeedbackLabel.origin == LabelOrigin.OSM, FeedbackLabel.geom), else_=drawn)


def weights_of(training_id: int) -> Select[str]:
    """Where a training's weights are stored."""
    query = select(Artifact.storage_key).where(Artifact.training_id == training_id)
    return query.where(Artifact.name == WEIGHTS)
