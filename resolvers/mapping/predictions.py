"""Predictions."""

import strawberry
from shapely import Polygon
from sqlalchemy import Select

from app.models import (
    Model,
    Prediction,
    TrainingStatus,
)
from app.policies import visible
from app.services import mapping
from app.services.mapping import Outlines
from resolvers import ids
from resolvers.context import Info


async def prediction(info: Info, id: strawberry.ID) -> Prediction:
    """A prediction by its id: one's own, or a published one.

    id: Its id.
    """
    return await info.context.find(Prediction, id)


def predictions(info: Info, status: TrainingStatus | None = None, published: bool | None = None) -> Select[Prediction]:
    """Predictions: one's own, and the published ones of others.

    status: Only those with this status.
    published: Only those that are published, or only those that are not.
    """
    found = visible(Prediction, info.context.viewer)
    if status is not None:
        found = found.where(Prediction.status == status)
    return found if published is None else found.where(Prediction.published.is_(published))


async def start_prediction(
    info: Info,
    model_id: strawberry.ID,
    geom: Polygon,
    zoom_level: int,
    confidence: int = 50,
    tolerance: float = 0.5,
    area_threshold: float = 3.0,
    orthogonalize: bool = True,
    max_angle_change: int = 15,
    skew_tolerance: int = 15,
    source_imagery: str | None = None,
    description: str | None = None,
) -> Prediction:
    """Queues the search of an area with a published model.

    model_id: The model.
    geom: Where to look.
    zoom_level: The zoom level whose tiles it looks at, from 18 to 22; best one it was trained on.
    confidence: How sure it must be of a pixel, in percent.
    tolerance: How far an outline may be simplified, in metres, at most 10.
    area_threshold: Features smaller than this are left out, in true square metres, at most 20.
    orthogonalize: Whether corners are squared.
    max_angle_change: How far squaring may turn an edge, in degrees, at most 45.
    skew_tolerance: How far an outline may be from square to be squared, in degrees, at most 45.
    source_imagery: Another imagery than the training's.
    description: A note.
    """
    outlines = Outlines(confidence, tolerance, area_threshold, orthogonalize, max_angle_change, skew_tolerance)
    async with info.context.writing() as session:
        return await mapping.start_prediction(
            session,
            info.context.viewer,
            model_id=ids.key(model_id, Model),
            geom=geom,
            zoom_level=zoom_level,
            outlines=outlines,
            source_imagery=source_imagery,
            description=description,
        )
