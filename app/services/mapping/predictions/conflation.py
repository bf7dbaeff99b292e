"""Comparison of predicted features with OpenStreetMap."""

from collections.abc import Sequence
from dataclasses import asdict

from shapely.geometry.base import BaseGeometry
from sqlalchemy import bindparam, delete, func, select, text, update

from app.database import ReadSession, WriteSession
from app.errors import Conflict
from app.gateways.osm import OsmFeature
from app.geometry.columns import Shape
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Artifact, Conflation, PredictedFeature, Prediction
from app.models.mapping.trainings import TrainingStatus
from app.policies import Viewer
from app.queue import enqueue
from app.services.mapping.predictions.lifecycle import prediction_to_change
from app.services.mapping.predictions.parts import ground_of, parts_of
from app.services.mapping.trainings.lifecycle import Left
from app.services.system.notifications import notify
from app.settings import settings

# The file of what was found after adapting.
ADAPTED = "adapted.geojson"

KEEP_MAP = (
    text("CREATE TEMPORARY TABLE osm_here (geom geometry(GEOMETRY, 4326)) ON COMMIT DROP"),
    text("INSERT INTO osm_here SELECT ST_GeomFromWKB(shape, 4326) FROM unnest(CAST(:shapes AS bytea[])) AS shape"),
    text("CREATE INDEX ON osm_here USING gist (geom)"),
    text("ANALYZE osm_here"),
)
# A feature in several parts is compared in each of them; the part with the larger overlap decides. What lies wholly
# under mapped buildings has a share of exactly 1: the last digits of an area differ from one build of GEOS to another.
COMPARE = text("""
    WITH compared AS (
        SELECT feature.id, GREATEST(
            feature.osm_share,
            COALESCE(ST_Area(ST_Union(ST_Intersection(feature.geom, osm_here.geom))) / ST_Area(feature.geom), 0)
        ) AS share
        FROM predicted_features AS feature
        LEFT JOIN osm_here ON ST_Intersects(osm_here.geom, feature.geom)
        WHERE feature.prediction_id = :prediction_id AND ST_Intersects(feature.geom, (SELECT CAST(:ground AS geometry)))
        GROUP BY feature.id
    )
    UPDATE predicted_features AS feature
    SET osm_share = LEAST(round(CAST(share AS numeric), 6), 1), conflation = CASE
        WHEN share >= :duplicate THEN 'DUPLICATE' WHEN share >= :overlap THEN 'OVERLAP' ELSE 'NEW'
    END
    FROM compared
    WHERE feature.id = compared.id
""").bindparams(bindparam("ground", type_=Shape("GEOMETRY")))


async def conflate_prediction(session: WriteSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """Starts comparing a finished prediction with OpenStreetMap as it is now."""
    prediction = await prediction_to_change(session, viewer, prediction_id)
    if prediction.status is not TrainingStatus.FINISHED:
        raise Conflict("Only a finished prediction can be compared with OpenStreetMap. Wait until it has finished.")
    if prediction.conflating:
        raise Conflict("This prediction is already being compared with OpenStreetMap. Wait until that has finished.")
    await ask_to_conflate(session, prediction)
    return prediction


async def ask_to_conflate(session: WriteSession, prediction: Prediction) -> None:
    """Queues the comparison; the prediction's state changes in this transaction."""
    prediction.conflating, prediction.conflation_error = True, None
    await enqueue(session, MappingJob.CONFLATE, subject_id=prediction.id, user_id=prediction.user_id)
    await session.flush()


async def grounds_to_conflate(session: ReadSession, prediction_id: int) -> list[BaseGeometry]:
    """The ground of a prediction, part by part."""
    prediction = await session.get_one(Prediction, prediction_id)
    parts = parts_of(prediction.geom, prediction.part_zoom)
    return [ground for part in parts if (ground := ground_of(prediction.geom, part)) is not None]


async def forget_conflation(session: WriteSession, prediction_id: int) -> None:
    """Clears the result of an earlier comparison."""
    own = PredictedFeature.prediction_id == prediction_id, PredictedFeature.osm_share.is_not(None)
    await session.execute(update(PredictedFeature).where(*own).values(osm_share=None, conflation=None))


async def conflate_ground(
    session: WriteSession, prediction_id: int, ground: BaseGeometry, features: Sequence[OsmFeature]
) -> None:
    """Writes how much of each predicted feature on some ground is covered by OpenStreetMap features."""
    for statement in KEEP_MAP:
        await session.execute(statement, {"shapes": [feature.geometry.wkb for feature in features]})
    shares = {
        "duplicate": settings.conflation_duplicate_share_min,
        "overlap": settings.conflation_overlap_share_min,
    }
    await session.execute(COMPARE, {"prediction_id": prediction_id, "ground": ground, **shares})


async def finish_conflation(session: WriteSession, prediction_id: int, files: Sequence[Left]) -> None:
    """Ends a comparison, and notifies the owner."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    prediction.conflating, prediction.conflated_at = False, await session.scalar(select(func.now()))
    own = select(PredictedFeature.conflation, func.count()).where(PredictedFeature.prediction_id == prediction.id)
    counts = dict((await session.execute(own.group_by(PredictedFeature.conflation))).all())
    known, new = counts.get(Conflation.DUPLICATE, 0), counts.get(Conflation.NEW, 0)
    notify(
        session,
        prediction.user_id,
        f"Your prediction {prediction.id} was compared with OpenStreetMap: {known} features are "
        f"already there, {new} are new.",
        about=prediction,
    )
    await replace_files(session, prediction, files)


async def replace_files(session: WriteSession, prediction: Prediction, files: Sequence[Left]) -> None:
    """Replaces a prediction's files; what was found after adapting stays."""
    old = Artifact.prediction_id == prediction.id, Artifact.name != ADAPTED
    await session.execute(delete(Artifact).where(*old))
    session.add_all([Artifact(prediction_id=prediction.id, **asdict(file)) for file in files])


async def conflation_failed(session: WriteSession, prediction_id: int, reason: str) -> None:
    """Marks the comparison as failed, with the reason; the features stay."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    prediction.conflating, prediction.conflation_error = False, reason[:NOTE_LENGTH_MAX]
    notify(
        session,
        prediction.user_id,
        f"Your prediction {prediction.id} could not be compared with OpenStreetMap. {reason}",
        about=prediction,
    )
