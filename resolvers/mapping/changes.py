"""Mutations of areas, labels, models and trainings that exist."""

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
from resolvers.deleted import Deleted
from resolvers.optional_arguments import provided


async def delete_dataset(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a dataset with its areas and labels. Refused while models are trained on it.

    id: The dataset.
    """
    async with info.context.writing() as session:
        return Deleted.of(await editing.delete_dataset(session, info.context.viewer, ids.key(id, Dataset)))


async def update_aoi(info: Info, id: strawberry.ID, geom: Polygon) -> AOI:
    """Changes the boundary of an area. Its creator stays the same. If the area grew, fetch its labels again.

    id: The area.
    geom: The new boundary.
    """
    async with info.context.writing() as session:
        return await editing.update_aoi(session, info.context.viewer, ids.key(id, AOI), geom=geom)


async def delete_aoi(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes an area with its labels.

    id: The area.
    """
    async with info.context.writing() as session:
        return Deleted.of(await editing.delete_aoi(session, info.context.viewer, ids.key(id, AOI)))


async def create_label(info: Info, aoi_id: strawberry.ID, geom: BaseGeometry, tags: JSON | None = None) -> Label:
    """Adds a label. If the area already has a label with the same outline, updates its tags instead.

    aoi_id: The area.
    geom: The outline, a Polygon or a MultiPolygon.
    tags: The tags, such as {"building": "yes"}.
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
    """Updates a label. It then counts as drawn: fetching from OpenStreetMap again does not change it.

    id: The label.
    geom: The new outline.
    tags: The new tags; null clears them.
    """
    changes = provided(geom=geom, tags=tags)
    async with info.context.writing() as session:
        return await editing_service.update_label(session, info.context.viewer, ids.key(id, Label), changes)


async def delete_label(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a label.

    id: The label.
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
    """Updates the given fields of a model.

    id: The model.
    name: The new name.
    description: What the model is good for; null clears it.
    status: DRAFT or ARCHIVED unpublish the model. To publish, use `publishTraining`.
    """
    changes = provided(name=name, description=description, status=status)
    async with info.context.writing() as session:
        return await models.update_model(session, info.context.viewer, ids.key(id, Model), changes)


async def delete_model(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a model with its trainings and their files. Refused while it is published or in use.

    id: The model.
    """
    async with info.context.writing() as session:
        return Deleted.of(await models.delete_model(session, info.context.viewer, ids.key(id, Model)))


async def delete_training(info: Info, id: strawberry.ID) -> Deleted:
    """Deletes a training with its feedback and files. Refused while it is published or in use.

    id: The training.
    """
    async with info.context.writing() as session:
        return Deleted.of(await models.delete_training(session, info.context.viewer, ids.key(id, Training)))
