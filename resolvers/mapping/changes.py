"""What was drawn or made, changed and deleted."""

import strawberry
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from strawberry.scalars import JSON

from app.models.mapping.datasets import AOI, Dataset, Label
from app.models.mapping.trainings import Model, ModelStatus, Training
from app.services.mapping.datasets import editing
from app.services.mapping.labels import editing as editing_service
from app.services.mapping.trainings import models
from resolvers import ids
from resolvers.context import Info
from resolvers.mapping.deleted import Deleted
from resolvers.optional_arguments import given


async def delete_dataset(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a dataset with its areas and labels; refused while models are trained on it.

    id: Which dataset.
    """
    async with info.context.writing() as session:
        return Deleted.of(await editing.delete_dataset(session, info.context.viewer, ids.key(id, Dataset)))


async def update_aoi(info: Info, id: strawberry.ID, geom: Polygon) -> AOI:
    """Draws an area anew; it stays whose it was. Where it grew, its labels have to be fetched again.

    id: Which area.
    geom: Its new boundary.
    """
    async with info.context.writing() as session:
        return await editing.update_aoi(session, info.context.viewer, ids.key(id, AOI), geom=geom)


async def delete_aoi(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes an area with its labels.

    id: Which area.
    """
    async with info.context.writing() as session:
        return Deleted.of(await editing.delete_aoi(session, info.context.viewer, ids.key(id, AOI)))


async def create_label(info: Info, aoi_id: strawberry.ID, geom: BaseGeometry, tags: JSON | None = None) -> Label:
    """Draws a label; if the area has one with the same outline, that takes the tags instead.

    aoi_id: The area it lies in.
    geom: Its outline, a Polygon or a MultiPolygon.
    tags: Its tags, such as {"building": "yes"}.
    """
    async with info.context.writing() as session:
        return await editing_service.create_label(
            session, info.context.viewer, aoi_id=ids.key(aoi_id, AOI), geom=geom, tags=tags
        )


async def update_label(
    info: Info,
    id: strawberry.ID,
    geom: strawberry.Maybe[BaseGeometry] = None,
    tags: strawberry.Maybe[JSON | None] = None,
) -> Label:
    """Corrects a label. It counts as drawn from then on: fetching from OpenStreetMap again leaves it as it is.

    id: Which label.
    geom: Its new outline.
    tags: Its new tags; null takes them away.
    """
    changes = given(geom=geom, tags=tags)
    async with info.context.writing() as session:
        return await editing_service.update_label(session, info.context.viewer, ids.key(id, Label), changes)


async def delete_label(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a label.

    id: Which label.
    """
    async with info.context.writing() as session:
        return Deleted.of(await editing_service.delete_label(session, info.context.viewer, ids.key(id, Label)))


async def update_model(
    info: Info,
    id: strawberry.ID,
    name: strawberry.Maybe[str] = None,
    description: strawberry.Maybe[str | None] = None,
    status: strawberry.Maybe[ModelStatus] = None,
) -> Model:
    """Changes what is given of a model and leaves the rest.

    id: Which model.
    name: Its new name.
    description: What it is good for; null takes the words away.
    status: DRAFT or ARCHIVED take it back from publication; PUBLISHED comes by `publishTraining` alone.
    """
    changes = given(name=name, description=description, status=status)
    async with info.context.writing() as session:
        return await models.update_model(session, info.context.viewer, ids.key(id, Model), changes)


async def delete_model(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a model with its trainings and their files; refused while it is published or somebody needs it.

    id: Which model.
    """
    async with info.context.writing() as session:
        return Deleted.of(await models.delete_model(session, info.context.viewer, ids.key(id, Model)))


async def delete_training(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a training, what was said of it, and its files; refused while it is published or somebody needs it.

    id: Which training.
    """
    async with info.context.writing() as session:
        return Deleted.of(await models.delete_training(session, info.context.viewer, ids.key(id, Training)))
