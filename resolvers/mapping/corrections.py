"""Correction areas, their labels, and the training that learns from them."""

import strawberry
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select
from strawberry.scalars import JSON

from app.models.accounts import User
from app.models.mapping.datasets import AOI, Dataset
from app.models.mapping.feedback import FeedbackAOI, FeedbackLabel, Review
from app.models.mapping.trainings import Model, Training
from app.policies import visible
from app.policies.accounts import is_by
from app.services.mapping.datasets import clones
from app.services.mapping.feedback import corrections
from app.services.mapping.trainings import retraining
from app.settings import settings
from app.training_options import CONTINUED_BATCH_SIZE, TrainingOptions
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided
from resolvers.spatial_filters import placed

ZOOM_MIN, ZOOM_MAX = settings.feedback_training_zoom_min, settings.feedback_training_zoom_max
ZOOM_LEVELS = [*range(ZOOM_MIN, min(ZOOM_MIN + 1, ZOOM_MAX) + 1)]


async def feedback_aoi(info: Info, id: strawberry.ID) -> RowOrReference[FeedbackAOI]:
    """A correction area by its id.

    id: The id of the area.
    """
    return await info.context.find(FeedbackAOI, id)


def feedback_aois(
    info: Info,
    training_id: strawberry.ID | None = None,
    model_id: strawberry.ID | None = None,
    user_id: strawberry.ID | None = None,
    review: Review | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[FeedbackAOI]:
    """Correction areas.

    training_id: Only correction areas of this training.
    model_id: Only correction areas of trainings of this model.
    user_id: Only correction areas by this user.
    review: Only correction areas with this review by the model's owner.
    bbox: Only correction areas whose bounding box intersects [west, south, east, north].
    intersects: Only correction areas that intersect this geometry.
    """
    query = visible(FeedbackAOI, info.context.viewer)
    if training_id is not None:
        query = query.where(FeedbackAOI.training_id == ids.key(training_id, Training))
    if model_id is not None:
        query = query.where(FeedbackAOI.training.has(Training.model_id == ids.key(model_id, Model)))
    if user_id is not None:
        query = query.where(is_by(info.context.viewer, FeedbackAOI.user_id, ids.key(user_id, User)))
    if review is not None:
        query = query.where(FeedbackAOI.review == review)
    return placed(query, FeedbackAOI.geom, bbox=bbox, intersects=intersects)


def feedback_labels(
    info: Info,
    feedback_aoi_id: strawberry.ID | None = None,
    training_id: strawberry.ID | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[FeedbackLabel]:
    """Features that trainings should have found.

    feedback_aoi_id: Only features in this area.
    training_id: Only features in areas that correct this training.
    bbox: Only features whose bounding box intersects [west, south, east, north].
    intersects: Only features that intersect this geometry.
    """
    query = visible(FeedbackLabel, info.context.viewer)
    if feedback_aoi_id is not None:
        query = query.where(FeedbackLabel.feedback_aoi_id == ids.key(feedback_aoi_id, FeedbackAOI))
    if training_id is not None:
        query = query.where(FeedbackLabel.feedback_aoi.has(FeedbackAOI.training_id == ids.key(training_id, Training)))
    return placed(query, FeedbackLabel.geom, bbox=bbox, intersects=intersects)


async def create_feedback_aoi(
    info: Info, training_id: strawberry.ID, geom: Polygon, source_imagery: str | None = None
) -> FeedbackAOI:
    """Creates a correction area: ground where every feature will be labelled as it should have been found.

    training_id: The training.
    geom: The boundary.
    source_imagery: The imagery it was drawn on, if not the training's.
    """
    async with info.context.writing() as session:
        return await corrections.create_feedback_aoi(
            session,
            info.context.viewer,
            training_id=ids.key(training_id, Training),
            geom=geom,
            source_imagery=source_imagery,
        )


async def update_feedback_aoi(info: Info, id: strawberry.ID, geom: Polygon) -> FeedbackAOI:
    """Changes the boundary of a correction area. It must be reviewed again unless a reviewer changed it.

    id: The area.
    geom: The new boundary.
    """
    async with info.context.writing() as session:
        return await corrections.update_feedback_aoi(session, info.context.viewer, ids.key(id, FeedbackAOI), geom=geom)


async def delete_feedback_aoi(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a correction area with its labels. Copies in the dataset stay.

    id: The area.
    """
    async with info.context.writing() as session:
        return Deleted.of(await corrections.delete_feedback_aoi(session, info.context.viewer, ids.key(id, FeedbackAOI)))


async def review_feedback_aoi(info: Info, id: strawberry.ID, review: Review) -> FeedbackAOI:
    """Approves or rejects a correction area for training. For the model's owner.

    id: The area.
    review: The decision.
    """
    async with info.context.writing() as session:
        return await corrections.review_feedback_aoi(
            session, info.context.viewer, ids.key(id, FeedbackAOI), review=review
        )


async def fetch_feedback_labels(info: Info, feedback_aoi_id: strawberry.ID) -> FeedbackAOI:
    """Starts fetching the buildings of a correction area from OpenStreetMap. They replace only labels fetched before.

    feedback_aoi_id: The area.
    """
    async with info.context.writing() as session:
        return await corrections.ask_for_feedback_labels(
            session, info.context.viewer, area_id=ids.key(feedback_aoi_id, FeedbackAOI)
        )


async def draw_feedback_label(
    info: Info, feedback_aoi_id: strawberry.ID, geom: BaseGeometry, tags: JSON | None = None
) -> FeedbackLabel:
    """Adds a feature that should have been found. If the area has one with the same outline, updates its tags instead.

    feedback_aoi_id: The area.
    geom: The outline on the imagery, a Polygon or a MultiPolygon.
    tags: The tags.
    """
    async with info.context.writing() as session:
        return await corrections.draw_feedback_label(
            session, info.context.viewer, area_id=ids.key(feedback_aoi_id, FeedbackAOI), geom=geom, tags=tags
        )


async def update_feedback_label(
    info: Info,
    id: strawberry.ID,
    geom: strawberry.Maybe[BaseGeometry] = None,
    tags: strawberry.Maybe[JSON | None] = None,
) -> FeedbackLabel:
    """Updates a feature that should have been found. It then counts as drawn.

    id: The label.
    geom: The new outline.
    tags: The new tags; null clears them.
    """
    changes = provided(geom=geom, tags=tags)
    async with info.context.writing() as session:
        return await corrections.update_feedback_label(
            session, info.context.viewer, ids.key(id, FeedbackLabel), changes
        )


async def delete_feedback_label(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a feature that should have been found.

    id: The label.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await corrections.delete_feedback_label(session, info.context.viewer, ids.key(id, FeedbackLabel))
        )


async def copy_feedback_aoi(info: Info, id: strawberry.ID) -> AOI:
    """Copies a correction area with its labels into the dataset of its model. Works once per area.

    id: The area.
    """
    async with info.context.writing() as session:
        return await clones.copy_feedback_aoi(session, info.context.viewer, ids.key(id, FeedbackAOI))


async def start_feedback_training(
    info: Info,
    training_id: strawberry.ID,
    zoom_level: list[int] | None = None,
    epochs: int = min(TrainingOptions.epochs, settings.feedback_training_epochs_max),
    batch_size: int = min(CONTINUED_BATCH_SIZE, settings.feedback_training_batch_max),
    freeze_layers: bool = True,
    description: str | None = None,
) -> Training:
    """Queues a training that continues another: from its weights, on the dataset and the approved corrections.

    training_id: The training to continue.
    zoom_level: The zoom levels of the tiles, from {settings.feedback_training_zoom_min} to
        {settings.feedback_training_zoom_max}; by default the lowest two.
    epochs: The maximum number of epochs, at most {settings.feedback_training_epochs_max}.
    batch_size: The batch size in chips, at most {settings.feedback_training_batch_max}.
    freeze_layers: Whether to freeze the network's encoder.
    description: A note.
    """
    async with info.context.writing() as session:
        return await retraining.start_feedback_training(
            session,
            info.context.viewer,
            training_id=ids.key(training_id, Training),
            zoom_level=ZOOM_LEVELS if zoom_level is None else zoom_level,
            epochs=epochs,
            batch_size=batch_size,
            freeze_layers=freeze_layers,
            description=description,
        )


async def clone_dataset(
    info: Info,
    id: strawberry.ID,
    name: str | None = None,
    source_imagery: str | None = None,
    offset: list[float] | None = None,
) -> Dataset:
    """Clones a dataset with its areas and labels. The clone belongs to the viewer and may use other imagery.

    id: The dataset.
    name: The name of the clone; by default the same.
    source_imagery: The imagery of the clone; by default the same.
    offset: How far to move the labels to align with that imagery, [x, y] in metres of EPSG:3857.
    """
    async with info.context.writing() as session:
        return await clones.clone_dataset(
            session,
            info.context.viewer,
            ids.key(id, Dataset),
            name=name,
            source_imagery=source_imagery,
            offset=offset,
        )


async def clone_model(
    info: Info,
    id: strawberry.ID,
    name: str | None = None,
    source_imagery: str | None = None,
    offset: list[float] | None = None,
) -> Model:
    """Clones a model on a clone of its dataset, ready to be trained. The clone belongs to the viewer.

    id: The model.
    name: The name of the clone; by default the same.
    source_imagery: The imagery of the clone; by default the same.
    offset: How far to move the labels to align with that imagery, [x, y] in metres of EPSG:3857.
    """
    async with info.context.writing() as session:
        return await clones.clone_model(
            session,
            info.context.viewer,
            ids.key(id, Model),
            name=name,
            source_imagery=source_imagery,
            offset=offset,
        )
