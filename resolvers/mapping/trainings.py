"""Models and their trainings."""

import strawberry
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Select, select

from app import checks
from app.base_models import OFFERS
from app.limits.texts import NAME_LENGTH_MAX
from app.models.accounts import User
from app.models.mapping.datasets import AOI, Dataset
from app.models.mapping.predictions import Artifact
from app.models.mapping.trainings import BaseModel, Model, ModelStatus, Training, TrainingStatus
from app.pagination import Order
from app.policies import AnyViewer, visible
from app.policies.accounts import is_by
from app.services.billing.charges import Estimate
from app.services.mapping import artifacts
from app.services.mapping.trainings import lifecycle
from app.training_options import TrainingOptions
from resolvers import ids
from resolvers.context import Info
from resolvers.former_names import RenamedToId, one_of
from resolvers.loaders import RowOrReference
from resolvers.spatial_filters import Place, placed

# What every base model takes, unless the training says more.
EPOCHS = min(TrainingOptions.epochs, *(offer.limits.epochs_max for offer in OFFERS.values()))
BATCH_SIZE = min(TrainingOptions.batch_size, *(offer.limits.batch_max for offer in OFFERS.values()))


class TrainingOrder(Order):
    """By age, or by accuracy, the highest first.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    ACCURACY: The most accurate first; trainings without an accuracy come last.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    ACCURACY = ("accuracy", True)


async def model(info: Info, id: strawberry.ID) -> RowOrReference[Model]:
    """A model by its id.

    id: The id of the model.
    """
    return await info.context.find(Model, id)


def published_accuracy(viewer: AnyViewer) -> ColumnElement[float | None]:
    """The accuracy of its published training, in percent; null until one is published."""
    del viewer
    accuracy = select(Training.accuracy).where(Training.id == Model.published_training_id)
    return accuracy.correlate(Model).scalar_subquery()


def models(
    info: Info,
    status: ModelStatus | None = None,
    base_model: BaseModel | None = None,
    dataset_id: strawberry.ID | None = None,
    user_id: strawberry.ID | None = None,
    search: str | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[Model]:
    """Models.

    status: Only models with this status.
    base_model: Only models trained from this network.
    dataset_id: Only models trained on this dataset.
    user_id: Only models of this user.
    search: Only models whose name contains this text, ignoring case.
    bbox: Only models whose dataset has an area with a bounding box that intersects [west, south, east, north].
    intersects: Only models whose dataset has an area that intersects this geometry.
    """
    query = visible(Model, info.context.viewer)
    if status is not None:
        query = query.where(Model.status == status)
    if base_model is not None:
        query = query.where(Model.base_model == base_model)
    if dataset_id is not None:
        query = query.where(Model.dataset_id == ids.key(dataset_id, Dataset))
    if user_id is not None:
        query = query.where(is_by(info.context.viewer, Model.user_id, ids.key(user_id, User)))
    query = placed(query, AOI.geom, bbox=bbox, intersects=intersects, through=_by_area)
    sought = checks.optional_text("search", search, length_max=NAME_LENGTH_MAX)
    return query if sought is None else query.where(Model.name.icontains(sought, autoescape=True))


def _by_area(place: Place) -> Place:
    return Model.dataset.has(Dataset.aois.any(place))


async def training(info: Info, id: strawberry.ID) -> RowOrReference[Training]:
    """A training by its id.

    id: The id of the training.
    """
    return await info.context.find(Training, id)


def trainings(
    info: Info,
    status: TrainingStatus | None = None,
    model_id: strawberry.ID | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[Training]:
    """Trainings.

    status: Only trainings with this status.
    model_id: Only trainings of this model.
    bbox: Only trainings whose centre lies in [west, south, east, north].
    intersects: Only trainings whose centre lies in this geometry.
    """
    query = visible(Training, info.context.viewer)
    if status is not None:
        query = query.where(Training.status == status)
    query = placed(query, Training.centroid, bbox=bbox, intersects=intersects)
    return query if model_id is None else query.where(Training.model_id == ids.key(model_id, Model))


def link(root: strawberry.Parent[Artifact], info: Info) -> str:
    """A download link, valid for {settings.file_link_s}."""
    return artifacts.artifact_link(info.context.viewer, root)


async def create_model(
    info: Info,
    dataset_id: strawberry.ID,
    name: str,
    description: str | None = None,
    base_model: BaseModel = BaseModel.RAMP,
) -> Model:
    """Creates a model, to be trained on a dataset.

    dataset_id: The dataset to learn from.
    name: The name, at most {texts.NAME_LENGTH_MAX} characters.
    description: What the model is good for.
    base_model: The network to start from.
    """
    async with info.context.writing() as session:
        return await lifecycle.create_model(
            session,
            info.context.viewer,
            dataset_id=ids.key(dataset_id, Dataset),
            name=name,
            description=description,
            base_model=base_model,
        )


async def start_training(
    info: Info,
    model_id: strawberry.ID,
    zoom_level: list[int],
    epochs: int = EPOCHS,
    batch_size: int = BATCH_SIZE,
    seed: int = TrainingOptions.seed,
    freeze_layers: bool = False,
    multimasks: bool = False,
    input_contact_spacing: int = TrainingOptions.input_contact_spacing,
    input_boundary_width: int = TrainingOptions.input_boundary_width,
    source_imagery: str | None = None,
    description: str | None = None,
) -> Training:
    """Queues a training of a model on its dataset. Each model trains one at a time.

    model_id: The model.
    zoom_level: The zoom levels of the tiles, from {settings.training_zoom_min} to {settings.training_zoom_max}.
    epochs: The maximum number of epochs. It stops earlier when it no longer improves.
    batch_size: The batch size in chips.
    seed: What chance is drawn from, from 0 on. Equal areas, labels, options and seed give equal weights on one machine.
    freeze_layers: Whether to freeze the network's encoder, which is faster and learns less.
    multimasks: Whether to learn borders and narrow gaps as classes too, with these two widths. A pretrained
        RAMP always learns them, and has widths of its own.
    input_contact_spacing: With multimasks: the maximum width of a narrow gap between buildings, in pixels, from 0 to
        {training_options.CONTACT_SPACING_PIXELS_MAX}.
    input_boundary_width: With multimasks: the width of a border, in pixels, from 0 to
        {training_options.BOUNDARY_WIDTH_PIXELS_MAX}.
    source_imagery: Other imagery than the dataset's.
    description: A note.
    """
    async with info.context.writing() as session:
        return await lifecycle.start_training(
            session,
            info.context.viewer,
            model_id=ids.key(model_id, Model),
            options=TrainingOptions(
                zoom_level=tuple(zoom_level),
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
                freeze_layers=freeze_layers,
                multimasks=multimasks,
                input_contact_spacing=input_contact_spacing,
                input_boundary_width=input_boundary_width,
            ),
            source_imagery=source_imagery,
            description=description,
        )


async def estimate_model_training(
    info: Info, model_id: strawberry.ID, zoom_level: list[int], epochs: int = EPOCHS
) -> Estimate:
    """What a training of a model would cost, exactly. It is refused for what `startTraining` refuses.

    model_id: The model.
    zoom_level: The zoom levels of the tiles, from {settings.training_zoom_min} to {settings.training_zoom_max}.
    epochs: The maximum number of epochs.
    """
    async with info.context.reading() as session:
        return await lifecycle.estimate_training(
            session, info.context.viewer, model_id=ids.key(model_id, Model), zoom_level=zoom_level, epochs=epochs
        )


async def cancel_training(info: Info, id: strawberry.ID | None = None, training_id: RenamedToId = None) -> Training:
    """Cancels a training: at once if it is queued, otherwise after the worker's current batch.

    id: The training.
    training_id: The training.
    """
    key = ids.key(one_of("id", id, "training_id", training_id), Training)
    async with info.context.writing() as session:
        return await lifecycle.cancel_training(session, info.context.viewer, training_id=key)


async def publish_training(info: Info, id: strawberry.ID | None = None, training_id: RenamedToId = None) -> Model:
    """Publishes a finished training: its weights become available for predictions.

    id: The training.
    training_id: The training.
    """
    key = ids.key(one_of("id", id, "training_id", training_id), Training)
    async with info.context.writing() as session:
        return await lifecycle.publish_training(session, info.context.viewer, training_id=key)
