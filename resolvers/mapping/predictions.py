"""Predictions."""

import strawberry
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Select

from app import checks
from app.models.accounts import Team, User
from app.models.mapping.predictions import Conflation, PredictedFeature, Prediction, Verdict
from app.models.mapping.trainings import Model, Training, TrainingStatus
from app.policies import visible
from app.policies.accounts import is_by
from app.services.mapping.predictions import conflation as conflation_service
from app.services.mapping.predictions import downloads, lifecycle, verdicts
from app.services.mapping.predictions.downloads import FileFormat, Wanted
from app.services.mapping.predictions.lifecycle import Outlines
from app.settings import settings
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.mapping.deleted import Deleted
from resolvers.mapping.spatial_filters import placed
from resolvers.optional_arguments import given


async def prediction(info: Info, id: strawberry.ID) -> RowOrReference[Prediction]:
    """A prediction by its id: one's own, a published one, or one that is shared with a team of the viewer's.

    id: Its id.
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
    """Predictions: one's own, the published ones of others, and those shared with the viewer's teams.

    status: Only those with this status.
    published: Only those that are published, or only those that are not.
    training_id: Only those with this training's weights.
    user_id: Only those of this person.
    team_id: Only those shared with this team.
    search: Only those with this text in their description, in capitals or not.
    bbox: Only those whose ground overlaps [west, south, east, north] with its bounding box.
    intersects: Only those whose ground shares a point with this.
    """
    found = placed(visible(Prediction, info.context.viewer), Prediction.geom, bbox=bbox, intersects=intersects)
    if status is not None:
        found = found.where(Prediction.status == status)
    if published is not None:
        found = found.where(Prediction.published.is_(published))
    if training_id is not None:
        found = found.where(Prediction.training_id == ids.key(training_id, Training))
    if user_id is not None:
        found = found.where(is_by(info.context.viewer, Prediction.user_id, ids.key(user_id, User)))
    if team_id is not None:
        found = found.where(Prediction.team_id == ids.key(team_id, Team))
    sought = checks.optional_text("search", search, length_max=settings.name_length_max)
    return found if sought is None else found.where(Prediction.description.icontains(sought, autoescape=True))


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
    """What a prediction found.

    prediction_id: The prediction.
    verdict: Only what was accepted, or only what was rejected.
    judged: Only what was accepted or rejected, or only what was not yet.
    conflation: Only what stands to OpenStreetMap in one of these ways.
    confidence_min: Only what the model is at least so sure of, 0 to 1.
    bbox: Only what overlaps [west, south, east, north] with its bounding box.
    intersects: Only what shares a point with this.
    """
    found = visible(PredictedFeature, info.context.viewer)
    found = found.where(PredictedFeature.prediction_id == ids.key(prediction_id, Prediction))
    if verdict is not None:
        found = found.where(PredictedFeature.verdict == verdict)
    if judged is not None:
        found = found.where(PredictedFeature.verdict.is_not(None) if judged else PredictedFeature.verdict.is_(None))
    if conflation is not None:
        found = found.where(PredictedFeature.conflation.in_(conflation))
    found = placed(found, PredictedFeature.geom, bbox=bbox, intersects=intersects)
    return found.where(PredictedFeature.confidence >= confidence_min)


def download(
    root: strawberry.Parent[Prediction],
    info: Info,
    format: FileFormat = FileFormat.GEOJSON,
    verdict: Verdict | None = None,
    conflation: list[Conflation] | None = None,
    points: bool = False,
) -> str:
    """Where to download what was found, as it is when it is downloaded; good for an hour, while the viewer may see it.

    format: The format.
    verdict: Only what was accepted, or only what was rejected.
    conflation: Only what stands to OpenStreetMap in one of these ways.
    points: Whether a point in each feature will do.
    """
    wanted = Wanted(root.id, verdict, tuple(conflation or ()), points)
    return downloads.download_link(info.context.viewer, wanted, format)


async def start_prediction(
    info: Info,
    model_id: strawberry.ID,
    geom: BaseGeometry,
    zoom_level: int,
    confidence: int = 50,
    tolerance: float = 0.5,
    area_threshold: float = 3.0,
    orthogonalize: bool = True,
    max_angle_change: int = 15,
    skew_tolerance: int = 15,
    overlap: float = 0.15,
    points: bool = False,
    conflate: bool = False,
    source_imagery: str | None = None,
    description: str | None = None,
) -> Prediction:
    """Queues the search of an area with a published model; a large one is searched part by part.

    model_id: The model.
    geom: Where to look: a Polygon or a MultiPolygon of at most 100 km², in true square metres.
    zoom_level: The zoom level whose tiles it looks at, from 18 to 22; best one it was trained on.
    confidence: How sure it must be of a pixel, in percent, from 0 to 100.
    tolerance: How far an outline may be simplified, in metres, at most 10.
    area_threshold: Features smaller than this are left out, in true square metres, at most 20.
    orthogonalize: Whether corners are squared.
    max_angle_change: How far squaring may turn an edge, in degrees, at most 45.
    skew_tolerance: How far an outline may be from square to be squared, in degrees, at most 45.
    overlap: How near pieces on both sides of a tile's seam must be to become one feature, in metres, at most 1.
    points: Whether its files show a point in each feature instead of its outline.
    conflate: Whether what was found is compared with OpenStreetMap then.
    source_imagery: Another imagery than the training's.
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
            source_imagery=source_imagery,
            description=description,
        )


async def update_prediction(
    info: Info, prediction_id: strawberry.ID, description: strawberry.Maybe[str | None] = None
) -> Prediction:
    """Changes what is given of a prediction and leaves the rest.

    prediction_id: The prediction.
    description: Its new note; null takes it away.
    """
    changes = given(description=description)
    async with info.context.writing() as session:
        return await lifecycle.update_prediction(
            session, info.context.viewer, ids.key(prediction_id, Prediction), changes
        )


async def share_prediction(
    info: Info, prediction_id: strawberry.ID, team_id: strawberry.ID | None = None
) -> Prediction:
    """Shows a prediction to a team, whose members may also accept and reject what it found.

    prediction_id: The prediction.
    team_id: The team; null for none any more.
    """
    async with info.context.writing() as session:
        return await lifecycle.share_prediction(
            session,
            info.context.viewer,
            ids.key(prediction_id, Prediction),
            team_id=None if team_id is None else ids.key(team_id, Team),
        )


async def publish_prediction(info: Info, prediction_id: strawberry.ID) -> Prediction:
    """Shows a finished prediction to everybody.

    prediction_id: The prediction.
    """
    async with info.context.writing() as session:
        return await lifecycle.publish_prediction(session, info.context.viewer, ids.key(prediction_id, Prediction))


async def unpublish_prediction(info: Info, prediction_id: strawberry.ID) -> Prediction:
    """Takes a prediction back from everybody; `publishedAt` stays.

    prediction_id: The prediction.
    """
    async with info.context.writing() as session:
        return await lifecycle.unpublish_prediction(session, info.context.viewer, ids.key(prediction_id, Prediction))


async def retry_prediction(info: Info, prediction_id: strawberry.ID) -> Prediction:
    """Goes on with a prediction where it failed; a finished one begins anew, without what it found and its verdicts.

    prediction_id: The prediction.
    """
    async with info.context.writing() as session:
        return await lifecycle.retry_prediction(session, info.context.viewer, ids.key(prediction_id, Prediction))


async def cancel_prediction(info: Info, prediction_id: strawberry.ID) -> Prediction:
    """Stops a prediction: at once if it is still waiting, else within a batch of its worker's.

    prediction_id: The prediction.
    """
    async with info.context.writing() as session:
        return await lifecycle.cancel_prediction(session, info.context.viewer, ids.key(prediction_id, Prediction))


async def delete_prediction(info: Info, prediction_id: strawberry.ID) -> Deleted:
    """Deletes a prediction that has ended, with what it found and its files. What was approved of it stays.

    prediction_id: The prediction.
    """
    async with info.context.writing() as session:
        return Deleted.of(
            await lifecycle.delete_prediction(session, info.context.viewer, ids.key(prediction_id, Prediction))
        )


async def conflate_prediction(info: Info, prediction_id: strawberry.ID) -> Prediction:
    """Begins to compare what a finished prediction found with OpenStreetMap as it is now.

    prediction_id: The prediction.
    """
    async with info.context.writing() as session:
        return await conflation_service.conflate_prediction(
            session, info.context.viewer, ids.key(prediction_id, Prediction)
        )


async def judge_features(
    info: Info, prediction_id: strawberry.ID, feature_ids: list[strawberry.ID], verdict: Verdict | None = None
) -> Prediction:
    """Accepts or rejects found features, all of them or none; accepted ones are the viewer's approved predictions.

    prediction_id: The prediction.
    feature_ids: Which of its features, at most 1 000.
    verdict: What the viewer thinks of them; null takes back what was said.
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
