"""The overview map, its figures, and model thumbnails."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shapely import Point
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select, func, select

from app.database import ReadSession
from app.errors import NotFound
from app.geometry import antimeridian
from app.geometry.columns import Shape
from app.geometry.shapes import FeatureCollection, to_geojson
from app.geometry.tiles import Tile, position
from app.models.accounts import User
from app.models.mapping.datasets import AOI, Dataset, DatasetStatus, Label
from app.models.mapping.feedback import ApprovedPrediction, FeedbackLabel
from app.models.mapping.trainings import Model, ModelStatus, Training, TrainingStatus
from app.policies import Viewer, visible
from app.settings import settings

THUMBNAIL_ZOOM = 18


@dataclass(frozen=True)
class Statistics:
    """Public figures; at most {settings.statistics_cache_s} old."""

    models_published: int
    datasets_active: int
    users_registered: int
    labels: int
    trainings_finished: int
    predictions_accepted: int
    feedback_labels: int


async def statistics(session: ReadSession) -> Statistics:
    """The current figures."""
    counts = {
        "models_published": select(func.count()).where(Model.status == ModelStatus.PUBLISHED),
        "datasets_active": select(func.count()).where(Dataset.status == DatasetStatus.ACTIVE),
        "users_registered": select(func.count()).where(User.is_active),
        "labels": select(func.count()).select_from(Label),
        "trainings_finished": select(func.count()).where(Training.status == TrainingStatus.FINISHED),
        "predictions_accepted": select(func.count()).select_from(ApprovedPrediction),
        "feedback_labels": select(func.count()).select_from(FeedbackLabel),
    }
    row = (
        await session.execute(select(*(count.scalar_subquery().label(name) for name, count in counts.items())))
    ).one()
    return Statistics(**row._asdict())


def model_points(viewer: Viewer) -> Select[Model]:
    """Published models with a known place."""
    query = visible(Model, viewer).join(Training, Training.id == Model.published_training_id)
    return query.where(Model.status == ModelStatus.PUBLISHED, Training.centroid.is_not(None))


async def points_of_models(session: ReadSession, models: Select[Model]) -> Sequence[tuple[int, str, Point]]:
    """The keys, names and places of published models, newest first."""
    rows = models.with_only_columns(Model.id, Model.name, Training.centroid).order_by(Model.id.desc())
    return [(key, name, place) for key, name, place in await session.execute(rows.limit(settings.map_points_max))]


def dataset_points(viewer: Viewer) -> Select[Dataset]:
    """Active datasets that have areas."""
    return visible(Dataset, viewer).where(Dataset.status == DatasetStatus.ACTIVE, Dataset.aois.any())


async def points_of_datasets(session: ReadSession, datasets: Select[Dataset]) -> Sequence[tuple[int, str, Point]]:
    """The keys, names and places of active datasets, newest first."""
    middle = func.ST_Centroid(func.ST_Collect(AOI.geom), type_=Shape("POINT"))
    chosen = datasets.with_only_columns(Dataset.id, Dataset.name).order_by(Dataset.id.desc())
    few = chosen.limit(settings.map_points_max).subquery()
    place = select(middle).where(AOI.dataset_id == few.c.id).scalar_subquery()
    rows = select(few.c.id, few.c.name, place).order_by(few.c.id.desc())
    return [(key, name, point) for key, name, point in await session.execute(rows)]


def collection(features: Iterable[tuple[str, str, BaseGeometry]]) -> FeatureCollection:
    """Rows as GeoJSON features with ids and names."""
    made = [
        {"type": "Feature", "id": id, "geometry": to_geojson(place), "properties": {"id": id, "name": name}}
        for id, name, place in features
    ]
    return FeatureCollection({"type": "FeatureCollection", "features": made})


async def pictured(session: ReadSession, training_id: int) -> tuple[str, Tile]:
    """The imagery of a published training, and the tile in the middle of the first area of its dataset."""
    imagery = select(Training.source_imagery, Model.dataset_id).join(Model, Model.published_training_id == Training.id)
    row = (await session.execute(imagery.where(Training.id == training_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such picture.")
    template, dataset_id = row
    first = select(AOI.geom).where(AOI.dataset_id == dataset_id).order_by(AOI.id).limit(1)
    area = await session.scalar(first)
    if area is None:
        raise NotFound("There is no such picture.")
    middle = antimeridian.centroid(area)
    x, y = position(middle.x, middle.y, THUMBNAIL_ZOOM)
    return template, Tile(THUMBNAIL_ZOOM, int(x), int(y))
