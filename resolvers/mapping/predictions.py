"""Predictions."""

from dataclasses import dataclass

import strawberry
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select

from app import checks
from app.limits.texts import NAME_LENGTH_MAX
from app.models.accounts import Team, User
from app.models.mapping.predictions import Conflation, PredictedFeature, Prediction, Verdict
from app.models.mapping.trainings import Model, Training, TrainingStatus
from app.policies import visible
from app.policies.accounts import is_by
from app.services.billing.charges import Estimate
from app.services.mapping.predictions import conflation as conflation_service
from app.services.mapping.predictions import downloads, lifecycle, verdicts
from app.services.mapping.predictions.downloads import FileFormat, Wanted
from app.services.mapping.predictions.lifecycle import Outlines
from resolvers import ids
from resolvers.context import Info
from resolvers.deleted import Deleted
from resolvers.former_names import RenamedToId, one_of
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided
from resolvers.spatial_filters import placed


@dataclass(frozen=True)
class Adaptation:
    """What a short training on the searched ground, without labels, would change; its outlines are a file."""

    features: int
    plain_features: int
    agreement: float


def adaptation(root: strawberry.Parent[Prediction]) -> Adaptation | None:
    """What adapting would change; null unless it was asked for, and until it is known."""
    return None if root.adaptation is None else Adaptation(**root.adaptation)


async def prediction(info: Info, id: strawberry.ID) -> RowOrReference[Prediction]:
    """A prediction by its id: the viewer's own, a published one, or one shared with a team of the viewer.

    id: The id of the prediction.
    """
    return await info.context.find(Prediction, id)


def predictions(
    info: Info,
    status: TrainingStatus | None = None,
    published: bool | None = None,
    training_id: strawberry.ID | None = None,
    user_id: strawberry.ID | None = None,
    team_id: strawberry.ID | None = None,
    search: str | None = None,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[Prediction]:
    """Predictions: the viewer's own, published ones, and those shared with the viewer's teams.

    status: Only predictions with this status.
    published: True for published predictions only, false for others only.
    training_id: Only predictions with this training's weights.
    user_id: Only predictions of this user.
    team_id: Only predictions shared with this team.
    search: Only predictions whose description contains this text, ignoring case.
    bbox: Only predictions whose area has a bounding box that intersects [west, south, east, north].
    intersects: Only predictions whose area intersects this geometry.
    """
    query = placed(visible(Prediction, info.context.viewer), Prediction.geom, bbox=bbox, intersects=intersects)
    if status is not None:
        query = query.where(Prediction.status == status)
    if published is not None:
        query = query.where(Prediction.published.is_(published))
    if training_id is not None:
        query = query.where(Prediction.training_id == ids.key(training_id, Training))
    if user_id is not None:
        query = query.where(is_by(info.context.viewer, Prediction.user_id, ids.key(user_id, User)))
    if team_id is not None:
        query = query.where(Prediction.team_id == ids.key(team_id, Team))
    sought = checks.optional_text("search", search, length_max=NAME_LENGTH_MAX)
    return query if sought is None else query.where(Prediction.description.icontains(sought, autoescape=True))


def predicted_features(
    info: Info,
    prediction_id: strawberry.ID,
    verdict: Verdict | None = None,
    judged: bool | None = None,
    conflation: list[Conflation] | None = None,
    confidence_min: float = 0.0,
    bbox: list[float] | None = None,
    intersects: BaseGeometry | None = None,
) -> Select[PredictedFeature]:
    """The features a prediction found.

    prediction_id: The prediction.
    verdict: Only features that were accepted, or only those that were rejected.
    judged: True for features with a verdict only, false for those without only.
    conflation: Only features with one of these relations to OpenStreetMap.
    confidence_min: Only features with at least this confidence, 0 to 1.
    bbox: Only features whose bounding box intersects [west, south, east, north].
    intersects: Only features that intersect this geometry.
    """
    query = visible(PredictedFeature, info.context.viewer)
    query = query.where(PredictedFeature.prediction_id == ids.key(prediction_id, Prediction))
    if verdict is not None:
        query = query.where(PredictedFeature.verdict == verdict)
    if judged is not None:
        query = query.where(PredictedFeature.verdict.is_not(None) if judged else PredictedFeature.verdict.is_(None))
    if conflation is not None:
        query = query.where(PredictedFeature.conflation.in_(conflation))
    query = placed(query, PredictedFeature.geom, bbox=bbox, intersects=intersects)
    return query.where(PredictedFeature.confidence >= confidence_min)


def download(
    root: strawberry.Parent[Prediction],
    info: Info,
    format: FileFormat = FileFormat.GEOJSON,
    verdict: Verdict | None = None,
    conflation: list[Conflation] | None = None,
    points: bool = False,
    positive_ids: bool = False,
) -> str:
    """A link to download the current features; valid for {settings.file_link_s} while the viewer has access.

    format: The format.
    verdict: Only features that were accepted, or only those that were rejected.
    conflation: Only features with one of these relations to OpenStreetMap.
    points: Whether to return one point per feature instead of its outline.
    positive_ids: Whether the elements of OSM XML have ids above zero, which GDAL needs. Editors must not upload them.
    """
    wanted = Wanted(root.id, verdict, tuple(conflation or ()), points, positive_ids)
    return downloads.download_link(info.context.viewer, wanted, format)


async def estimate_prediction(info: Info, model_id: strawberry.ID, geom: BaseGeometry, zoom_level: int) -> Estimate:
    """What a prediction would cost, exactly. It is refused for what `startPrediction` refuses.

    model_id: The model.
    geom: The area, a Polygon or a MultiPolygon of at most {settings.prediction_area_m2_max}, in true square metres.
    zoom_level: The zoom level of the tiles, from {settings.prediction_zoom_min} to {settings.prediction_zoom_max}.
    """
    async with info.context.reading() as session:
        key = ids.key(model_id, Model)
        return await lifecycle.estimate_prediction(
            session, info.context.viewer, model_id=key, geom=geom, zoom_level=zoom_level
        )


async def start_prediction(
    info: Info,
    model_id: strawberry.ID,
    geom: BaseGeometry,
    zoom_level: int,
    confidence: int | None = None,
    tolerance: float = 0.5,
    area_threshold: float = 3.0,
    orthogonalize: bool = True,
    max_angle_change: int = 15,
    skew_tolerance: int = 15,
    overlap: float = 0.15,
    points: bool = False,
    conflate: bool = False,
    adapt: bool = False,
    source_imagery: str | None = None,
    description: str | None = None,
) -> Prediction:
    """Queues a prediction: searches an area with a published model, a large area part by part.

    model_id: The model.
    geom: The area, a Polygon or a MultiPolygon of at most {settings.prediction_area_m2_max}, in true square metres.
    zoom_level: The zoom level of the tiles, from {settings.prediction_zoom_min} to {settings.prediction_zoom_max};
        ideally one the model was trained on.
    confidence: The minimum confidence of a pixel, in percent, from 0 to {mapping.CONFIDENCE_PERCENT_MAX}; by default
        the one that the training suggests.
    tolerance: The tolerance for simplifying outlines, in metres, at most {mapping.TOLERANCE_M_MAX}.
    area_threshold: The minimum size of a feature, in true square metres, at most {mapping.AREA_THRESHOLD_M2_MAX}.
    orthogonalize: Whether to square corners.
    max_angle_change: The maximum rotation of an edge by squaring, in degrees, at most {mapping.ANGLE_DEGREES_MAX}.
        Frayed outlines are redrawn with right angles where that changes little, unless it is 0.
    skew_tolerance: The maximum deviation from square for an outline to be squared, in degrees, at most
        {mapping.ANGLE_DEGREES_MAX}.
    overlap: The maximum gap across a tile seam for two pieces to be merged, in metres, at most {mapping.OVERLAP_M_MAX}.
    points: Whether its files contain one point per feature instead of the outline.
    conflate: Whether to compare the result with OpenStreetMap afterwards.
    adapt: Whether to try a short training on the searched ground, without labels. The features stay those of the
        training; the file `adapted.geojson` has the outlines found afterwards, and `adaptation` compares both.
    source_imagery: Other imagery than the training's.
    description: A note.
    """
    outlines = Outlines(confidence, tolerance, area_threshold, orthogonalize, max_angle_change, skew_tolerance, overlap)
    async with info.context.writing() as session:
        return await lifecycle.start_prediction(
            session,
            info.context.viewer,
            model_id=ids.key(model_id, Model),
            geom=geom,
            zoom_level=zoom_level,
            outlines=outlines,
            points=points,
            conflate=conflate,
            adapt=adapt,
            source_imagery=source_imagery,
            description=description,
        )


async def update_prediction(
    info: Info,
    id: strawberry.ID | None = None,
    description: strawberry.Maybe[str | None] = None,
    prediction_id: RenamedToId = None,
) -> Prediction:
    """Updates the given fields of a prediction.

    id: The prediction.
    description: The new note; null clears it.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    changes = provided(description=description)
    async with info.context.writing() as session:
        return await lifecycle.update_prediction(session, info.context.viewer, key, changes)


async def share_prediction(
    info: Info, id: strawberry.ID | None = None, team_id: strawberry.ID | None = None, prediction_id: RenamedToId = None
) -> Prediction:
    """Shares a prediction with a team. Its members may also accept and reject the features.

    id: The prediction.
    team_id: The team; null stops sharing.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    async with info.context.writing() as session:
        return await lifecycle.share_prediction(
            session,
            info.context.viewer,
            key,
            team_id=None if team_id is None else ids.key(team_id, Team),
        )


async def publish_prediction(
    info: Info, id: strawberry.ID | None = None, prediction_id: RenamedToId = None
) -> Prediction:
    """Publishes a finished prediction.

    id: The prediction.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    async with info.context.writing() as session:
        return await lifecycle.publish_prediction(session, info.context.viewer, key)


async def unpublish_prediction(
    info: Info, id: strawberry.ID | None = None, prediction_id: RenamedToId = None
) -> Prediction:
    """Unpublishes a prediction; `publishedAt` stays.

    id: The prediction.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    async with info.context.writing() as session:
        return await lifecycle.unpublish_prediction(session, info.context.viewer, key)


async def retry_prediction(
    info: Info, id: strawberry.ID | None = None, prediction_id: RenamedToId = None
) -> Prediction:
    """Retries a failed prediction where it stopped. A finished one starts over and loses its features and verdicts.

    id: The prediction.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    async with info.context.writing() as session:
        return await lifecycle.retry_prediction(session, info.context.viewer, key)


async def cancel_prediction(
    info: Info, id: strawberry.ID | None = None, prediction_id: RenamedToId = None
) -> Prediction:
    """Cancels a prediction: at once if it is queued, otherwise after the worker's current batch.

    id: The prediction.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    async with info.context.writing() as session:
        return await lifecycle.cancel_prediction(session, info.context.viewer, key)


async def delete_prediction(info: Info, id: strawberry.ID | None = None, prediction_id: RenamedToId = None) -> Deleted:
    """Deletes an ended prediction with its features and files. Approved predictions stay.

    id: The prediction.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    async with info.context.writing() as session:
        return Deleted.of(await lifecycle.delete_prediction(session, info.context.viewer, key))


async def conflate_prediction(
    info: Info, id: strawberry.ID | None = None, prediction_id: RenamedToId = None
) -> Prediction:
    """Starts comparing a finished prediction's features with OpenStreetMap as it is now.

    id: The prediction.
    prediction_id: The prediction.
    """
    key = ids.key(one_of("id", id, "prediction_id", prediction_id), Prediction)
    async with info.context.writing() as session:
        return await conflation_service.conflate_prediction(session, info.context.viewer, key)


async def judge_features(
    info: Info, prediction_id: strawberry.ID, feature_ids: list[strawberry.ID], verdict: Verdict | None = None
) -> Prediction:
    """Accepts or rejects features, all of them or none. Accepted features become the viewer's approved predictions.

    prediction_id: The prediction.
    feature_ids: Features of this prediction, at most {settings.verdicts_at_once_max}.
    verdict: The verdict; null removes it.
    """
    keys = [ids.key(id, PredictedFeature) for id in feature_ids]
    async with info.context.writing() as session:
        return await verdicts.judge_features(
            session,
            info.context.viewer,
            ids.key(prediction_id, Prediction),
            feature_ids=keys,
            verdict=verdict,
        )
