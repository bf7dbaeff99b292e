"""The overview map and its figures."""

import time
from typing import TypeVar
from weakref import WeakKeyDictionary

from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select

from app import checks
from app.database import Database
from app.geometry.shapes import FeatureCollection
from app.limits.texts import NAME_LENGTH_MAX
from app.models.mapping.datasets import AOI, Dataset
from app.models.mapping.trainings import Model, Training
from app.services.mapping.maps import overview
from app.services.mapping.maps.overview import Statistics
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.spatial_filters import placed

M = TypeVar("M", Model, Dataset)

_known: WeakKeyDictionary[Database, tuple[float, Statistics]] = WeakKeyDictionary()


async def model_centroids(
    info: Info, search: str | None = None, bbox: list[float] | None = None, intersects: BaseGeometry | None = None
) -> FeatureCollection:
    """Published models as points, where they were trained; newest first, at most {settings.map_points_max}.

    search: Only points of models whose name contains this text, ignoring case.
    bbox: Only points in [west, south, east, north].
    intersects: Only points in this geometry.
    """
    query = placed(overview.model_points(info.context.viewer), Training.centroid, bbox=bbox, intersects=intersects)
    async with info.context.reading() as session:
        points = await overview.points_of_models(session, _named(query, Model, search))
    names = ids.global_ids(Model.__name__)
    return overview.collection((names[key], name, place) for key, name, place in points)


async def dataset_centroids(
    info: Info, search: str | None = None, bbox: list[float] | None = None, intersects: BaseGeometry | None = None
) -> FeatureCollection:
    """Active datasets as points, at the centre of their areas; newest first, at most {settings.map_points_max}.

    search: Only points of datasets whose name contains this text, ignoring case.
    bbox: Only points of datasets with an area whose bounding box intersects [west, south, east, north].
    intersects: Only points of datasets with an area that intersects this geometry.
    """
    query = overview.dataset_points(info.context.viewer)
    query = placed(query, AOI.geom, bbox=bbox, intersects=intersects, through=Dataset.aois.any)
    async with info.context.reading() as session:
        points = await overview.points_of_datasets(session, _named(query, Dataset, search))
    names = ids.global_ids(Dataset.__name__)
    return overview.collection((names[key], name, place) for key, name, place in points)


async def statistics(info: Info) -> Statistics:
    """Public figures of this installation."""
    at, known = _known.get(info.context.database, (0.0, None))
    if known is None or time.monotonic() - at > settings.statistics_cache_s:
        async with info.context.reading() as session:
            known = await overview.statistics(session)
        _known[info.context.database] = (time.monotonic(), known)
    return known


def _named(query: Select[M], table: type[Model | Dataset], search: str | None) -> Select[M]:
    sought = checks.optional_text("search", search, length_max=NAME_LENGTH_MAX)
    return query if sought is None else query.where(table.name.icontains(sought, autoescape=True))
