"""Areas that correct a training, their labels, and the training that learns from them."""

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
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.mapping.deleted import Deleted
from resolvers.mapping.spatial_filters import placed
from resolvers.optional_arguments import given


async def feedback_aoi(info: Info, id: strawberry.ID) -> RowOrReference[FeedbackAOI]:
    """An area that corrects a training, by its id.

    id: Its id.
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
    """Areas that correct trainings.

    training_id: Only of this training.
    model_id: Only of this model's trainings.
    user_id: Only by this person.
    review: Only those of which the model's owner thinks so.
    bbox: Only what overlaps [west, south, east, north] with its bounding box.
    intersects: Only what shares a point with this.
    """
    found = visible(FeedbackAOI, info.context.viewer)
    if training_id is not None:
        found = found.where(FeedbackAOI.training_id == ids.key(training_id, Training))
    if model_id is not None:
        found = found.where(FeedbackAOI.training.has(Training.model_id == ids.key(model_id, Model)))
    if user_id is not None:
        found = found.where(is_by(info.context.viewer, FeedbackAOI.user_id, ids.key(user_id, User)))
    if review is not None:
        found = found.where(FeedbackAOI.review == review)
    return placed(found, FeedbackAOI.geom, bbox=bbox, intersects=intersects)


def feedback_labels(
    info: Info,
    feedback_aoi_id: strawberry.ID | None = None,
    training_id: strawberry.ID | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[FeedbackLabel]:
    """Features that trainings should have found.

    feedback_aoi_id: Only in this area.
    training_id: Only in areas that correct this training.
    bbox: Only what overlaps [west, south, east, north] with its bounding box.
    intersects: Only what shares a point with this.
    """
    found = visible(FeedbackLabel, info.context.viewer)
    if feedback_aoi_id is not None:
        found = found.where(FeedbackLabel.feedback_aoi_id == ids.key(feedback_aoi_id, FeedbackAOI))
    if training_id is not None:
        found = found.where(FeedbackLabel.feedback_aoi.has(FeedbackAOI.training_id == ids.key(training_id, Training)))
    return placed(found, FeedbackLabel.geom, bbox=bbox, intersects=intersects)


async def create_feedback_aoi(
    info: Info, training_id: strawberry.ID, geom: Polygon, source_imagery: str | None = None
) -> FeedbackAOI:
    """Draws an area that corrects a training: within it everything is going to be labelled as it should be found.

    training_id: The training.
    geom: Its boundary.
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
    """Draws such an area anew. It stays whose it was, and is to be reviewed again unless a reviewer did it.

    id: Which area.
    geom: Its new boundary.
    """
    async with info.context.writing() as session:
        return await corrections.update_feedback_aoi(session, info.context.viewer, ids.key(id, FeedbackAOI), geom=geom)


async def delete_feedback_aoi(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes such an area with its labels; what was copied of it into the dataset stays.

    id: Which area.
    """
    async with info.context.writing() as session:
        return Deleted.of(await corrections.delete_feedback_aoi(session, info.context.viewer, ids.key(id, FeedbackAOI)))


async def review_feedback_aoi(info: Info, id: strawberry.ID, review: Review) -> FeedbackAOI:
    """Decides whether the model may learn from such an area; the model's owner may.

    id: Which area.
    review: What they think of it.
    """
    async with info.context.writing() as session:
        return await corrections.review_feedback_aoi(
            session, info.context.viewer, ids.key(id, FeedbackAOI), review=review
        )


async def fetch_feedback_labels(info: Info, feedback_aoi_id: strawberry.ID) -> FeedbackAOI:
    """Begins to fetch such an area's buildings from OpenStreetMap; they replace those fetched before, and no others.

    feedback_aoi_id: The area.
    """
    async with info.context.writing() as session:
        return await corrections.ask_for_feedback_labels(
            session, info.context.viewer, area_id=ids.key(feedback_aoi_id, FeedbackAOI)
        )


async def draw_feedback_label(
    info: Info, feedback_aoi_id: strawberry.ID, geom: BaseGeometry, tags: JSON | None = None
) -> FeedbackLabel:
    """Draws a feature that should have been found; if the area has one with this outline, that takes the tags instead.

    feedback_aoi_id: The area it lies in.
    geom: Its outline upon the imagery, a Polygon or a MultiPolygon.
    tags: Its tags.
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
    """Corrects such a feature; it counts as drawn from then on.

    id: Which label.
    geom: Its new outline.
    tags: Its new tags; null takes them away.
    """
    changes = given(geom=geom, tags=tags)
    async with info.context.writing() as session:
        return await corrections.update_feedback_label(
            session, info.context.viewer, ids.key(id, FeedbackLabel), changes
        )


async def delete_feedback_label(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes such a feature.

    id: Which label.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await corrections.delete_feedback_label(session, info.context.viewer, ids.key(id, FeedbackLabel))
        )


async def copy_feedback_aoi(info: Info, id: strawberry.ID) -> AOI:
    """Copies a correction with its labels into the dataset that its model learns from, once.

    id: Which area.
    """
    async with info.context.writing() as session:
        return await clones.copy_feedback_aoi(session, info.context.viewer, ids.key(id, FeedbackAOI))


async def start_feedback_training(
    info: Info,
    training_id: strawberry.ID,
    zoom_level: list[int] | None = None,
    epochs: int = 20,
    batch_size: int = 8,
    freeze_layers: bool = True,
    description: str | None = None,
) -> Training:
    """Queues a training that continues another: from its weights, with the approved corrections beside the dataset.

    training_id: The training to continue.
    zoom_level: The zoom levels whose tiles it sees, from 19 to 21; 19 and 20 unless others are named.
    epochs: How many passes it may make, at most 20.
    batch_size: How many chips are shown to the network at once, at most 8.
    freeze_layers: Whether the network's first levels stay as they were.
    description: A note.
    """
    async with info.context.writing() as session:
        return await retraining.start_feedback_training(
            session,
            info.context.viewer,
            training_id=ids.key(training_id, Training),
            zoom_level=[19, 20] if zoom_level is None else zoom_level,
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
    """Makes a dataset of one's own with the areas and labels of another, over other imagery if that is named.

    id: Which dataset.
    name: The new one's name; the old one's if none is given.
    source_imagery: The imagery it is for, if not the same.
    offset: How far its labels are to be moved, [x, y] in metres of EPSG:3857, to lie upon that imagery.
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
    """Makes a model of one's own like another, on a clone of its dataset, ready to be trained.

    id: Which model.
    name: The new one's name; the old one's if none is given.
    source_imagery: The imagery it is for, if not the same.
    offset: How far the labels are to be moved, [x, y] in metres of EPSG:3857, to lie upon that imagery.
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
