"""Whether datasets are fit for training."""

import strawberry

from app.models.mapping.datasets import Dataset
from app.models.mapping.inspections import Inspection
from app.services.mapping.datasets import quality
from app.services.mapping.datasets.quality import DatasetQuality
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference

ZOOM_LEVEL = sorted((settings.training_zoom_min, 19, settings.training_zoom_max))[1]


async def dataset_quality(info: Info, dataset_id: strawberry.ID) -> DatasetQuality:
    """Problems of a dataset that may harm a training.

    dataset_id: The dataset.
    """
    async with info.context.reading() as session:
        return await quality.dataset_quality(session, info.context.viewer, dataset_id=ids.key(dataset_id, Dataset))


async def inspection(info: Info, id: strawberry.ID) -> RowOrReference[Inspection]:
    """An inspection by its id.

    id: The id of the inspection.
    """
    return await info.context.find(Inspection, id)


async def inspect_dataset(info: Info, dataset_id: strawberry.ID, zoom_level: int = ZOOM_LEVEL) -> Inspection:
    """Starts an inspection: compares a dataset's imagery with its labels. The result appears in `datasetQuality`.

    dataset_id: The dataset.
    zoom_level: The zoom level of the tiles, from {settings.training_zoom_min} to {settings.training_zoom_max}. At
        19 labels may be up to 14 metres off.
    """
    async with info.context.writing() as session:
        return await quality.inspect_dataset(
            session, info.context.viewer, dataset_id=ids.key(dataset_id, Dataset), zoom_level=zoom_level
        )
