"""A prediction as workers see it: searched part by part, merged, ended."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, insert, select, text

from app.database import ReadSession, WriteSession
from app.errors import LimitReached, NotFound
from app.models.mapping.predictions import Artifact, PredictedFeature, Prediction
from app.models.mapping.trainings import Model, Training
from app.services.mapping.predictions.conflation import ADAPTED, ask_to_conflate, replace_files
from app.services.mapping.predictions.downloads import Wanted
from app.services.mapping.predictions.lifecycle import CHECKPOINT, Outlines
from app.services.mapping.trainings.lifecycle import Left
from app.services.mapping.trainings.progress import ALL_SEEN, Unseen, begin, finish, warning
from app.settings import settings

# For each building found by several parts: the outline that lacks no more than a rim, otherwise their union.
JOIN_PARTS = text("""
    WITH RECURSIVE seam AS MATERIALIZED (
        SELECT one.id AS one, other.id AS other
        FROM predicted_features AS one
        JOIN predicted_features AS other
            ON other.geom && one.geom AND other.prediction_id = one.prediction_id AND other.part <> one.part
        WHERE one.prediction_id = :prediction_id
            AND ST_Area(ST_Intersection(one.geom, other.geom)) >= :share * LEAST(ST_Area(one.geom), ST_Area(other.geom))
    ), reach (first, id) AS (
        SELECT one, one FROM seam
        UNION
        SELECT reach.first, seam.other FROM reach JOIN seam ON seam.one = reach.id
    ), member AS (
        SELECT id, min(first) AS first FROM reach GROUP BY id
    ), building AS (
        SELECT member.first AS id,
            ST_Union(geom) AS whole,
            (array_agg(geom ORDER BY area_m2 DESC, id))[1] AS largest,
            sum(confidence * area_m2) / sum(area_m2) AS confidence
        FROM member JOIN predicted_features USING (id)
        GROUP BY member.first
    ), outline AS (
        SELECT id, confidence, CASE
            WHEN ST_NumGeometries(whole) > 1 THEN largest
            WHEN ST_Area(largest) >= :nearly * ST_Area(whole)
                AND ST_IsEmpty(ST_Buffer(ST_Difference(whole, largest), -:rim * sqrt(ST_Area(whole)))) THEN largest
            ELSE whole
        END AS geom
        FROM building
    ), kept AS (
        UPDATE predicted_features AS feature
        SET geom = outline.geom, area_m2 = ST_Area(outline.geom::geography), confidence = outline.confidence
        FROM outline
        WHERE feature.id = outline.id
    )
    DELETE FROM predicted_features AS feature USING member WHERE feature.id = member.id AND member.id <> member.first
""")
NEARLY = 0.9
# A long building's last tenth is an end, not a rim: thicker than twice this share of the side of a square as large.
RIM = 0.05


class Building(NamedTuple):
    """One found feature: confidence from 0 to 1, true area."""

    geom: Polygon
    confidence: float
    area_m2: float


@dataclass(frozen=True)
class PredictionPlan:
    """What a worker needs to predict, including earlier progress."""

    base_model: str
    checkpoint_key: str
    area: BaseGeometry
    source_imagery: str
    zoom_level: int
    outlines: Outlines
    part_zoom: int
    parts: int
    parts_done: int
    adapts: bool


async def begin_prediction(session: WriteSession, prediction_id: int) -> PredictionPlan:
    """Marks the prediction as started, and returns its input; results of an earlier run are deleted."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    await begin(session, prediction)
    if prediction.parts_done == 0:
        prediction.tiles_without_imagery, prediction.ground_without_imagery = 0, None
        await session.execute(delete(PredictedFeature).where(PredictedFeature.prediction_id == prediction.id))
        await _forget_adaptation(session, prediction)
    model = select(Model.base_model).join(Training, Training.model_id == Model.id)
    base_model = (await session.scalars(model.where(Training.id == prediction.training_id))).one()
    weights = select(Artifact.storage_key).where(Artifact.training_id == prediction.training_id)
    return PredictionPlan(
        base_model=base_model.value,
        checkpoint_key=(await session.scalars(weights.where(Artifact.name == CHECKPOINT))).one(),
        area=prediction.geom,
        source_imagery=prediction.config["source"],
        zoom_level=prediction.config["zoom_level"],
        outlines=Outlines.of(prediction.config),
        part_zoom=prediction.part_zoom,
        parts=prediction.parts,
        parts_done=prediction.parts_done,
        adapts=prediction.config.get("adapt", False),
    )


async def add_features(
    session: WriteSession, prediction_id: int, features: Sequence[Building] | None, unseen: Unseen = ALL_SEEN
) -> None:
    """Writes the features of the next part, and what was not seen of it; None if there is no imagery."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    own = PredictedFeature.prediction_id == prediction.id
    count = await session.scalar(select(func.count()).where(own)) or 0
    if count + len(features or ()) > settings.prediction_features_max:
        raise LimitReached(
            f"There are more than {settings.prediction_features_max} features. Raise the "
            "confidence, or search a smaller area.",
            limit=settings.prediction_features_max,
        )
    if features:
        rows = [{"prediction_id": prediction.id, "part": prediction.parts_done, **each._asdict()} for each in features]
        await session.execute(insert(PredictedFeature), rows)
    prediction.parts_done += 1
    prediction.parts_without_imagery += features is None
    prediction.tiles_without_imagery = (prediction.tiles_without_imagery or 0) + unseen.tiles
    grounds = [ground for ground in (prediction.ground_without_imagery, unseen.ground) if ground is not None]
    prediction.ground_without_imagery = shapely.union_all(grounds) if grounds else None
    if prediction.parts_without_imagery == prediction.parts:
        raise NotFound(
            "There is no imagery at this zoom level inside the area. Choose another zoom level or other imagery."
        )


async def keep_adaptation(session: WriteSession, prediction_id: int, figures: dict[str, Any], file: Left) -> None:
    """Writes what adapting changed, and its outlines as a file."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    await _forget_adaptation(session, prediction)
    prediction.adaptation = figures
    session.add(Artifact(prediction_id=prediction.id, **asdict(file)))


async def _forget_adaptation(session: WriteSession, prediction: Prediction) -> None:
    prediction.adaptation = None
    of_it = Artifact.prediction_id == prediction.id, Artifact.name == ADAPTED
    await session.execute(delete(Artifact).where(*of_it))


async def get_ready_to_join(session: WriteSession) -> None:
    """Updates PostgreSQL's statistics: with stale ones the join was planned badly and never ended.

    Only the owner of a table may ANALYZE it, so a function of the owner's does.
    """
    await session.execute(select(func.refresh_feature_statistics()))


async def join_parts(session: WriteSession, prediction_id: int) -> None:
    """Merges what several parts found of one building; courtyards stay open."""
    await session.execute(
        JOIN_PARTS,
        {
            "prediction_id": prediction_id,
            "share": settings.prediction_seam_share_min,
            "nearly": NEARLY,
            "rim": RIM,
        },
    )


async def wanted_in_files(session: ReadSession, prediction_id: int) -> Wanted:
    """The content of a prediction's own files: all features, drawn as requested."""
    config = (await session.get_one(Prediction, prediction_id)).config
    return Wanted(prediction_id, points=config.get("points", False))


async def finish_prediction(session: WriteSession, prediction_id: int, files: Sequence[Left]) -> None:
    """Ends a prediction whose parts are all searched and merged."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    query = select(func.count()).where(PredictedFeature.prediction_id == prediction.id)
    prediction.result_count = await session.scalar(query)
    unseen = warning(prediction.tiles_without_imagery)
    await finish(session, prediction, f": {prediction.result_count} features were found.{unseen}")
    if prediction.config.get("conflate"):
        await ask_to_conflate(session, prediction)
    await replace_files(session, prediction, files)
