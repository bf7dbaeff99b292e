"""Predictions: what a published model finds within an area."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from shapely import Polygon
from sqlalchemy import func, insert, select

from app import checks, events, geometry, tiles
from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.gateways import imagery
from app.models import Artifact, JobKind, Model, PredictedFeature, Prediction, Training, TrainingStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_predict_with_this_training
from app.queue import enqueue
from app.services.mapping.pace import not_too_often
from app.services.mapping.trainings import Left
from app.services.system import notify
from app.settings import settings

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Outlines:
    """How outlines are drawn: confidence in percent, lengths in metres, angles in degrees."""

    confidence: int = 50
    tolerance: float = 0.5
    area_threshold: float = 3.0
    orthogonalize: bool = True
    max_angle_change: int = 15
    skew_tolerance: int = 15

    def __post_init__(self) -> None:
        checks.within("confidence", self.confidence, 0, 100)
        checks.within("tolerance", self.tolerance, 0, 10)
        checks.within("areaThreshold", self.area_threshold, 0, 20)
        checks.within("maxAngleChange", self.max_angle_change, 0, 45)
        checks.within("skewTolerance", self.skew_tolerance, 0, 45)


@dataclass(frozen=True)
class PredictionPlan:
    """What a worker needs to predict."""

    base_model: str
    checkpoint_key: str
    area: Polygon
    source_imagery: str
    zoom_level: int
    outlines: Outlines


def prediction_topic(prediction_id: int) -> str:
    """Where the events about a prediction are found."""
    return f"prediction:{prediction_id}"


def _note(session: WriteSession, prediction: Prediction) -> None:
    """Tells the subscriptions of a prediction that its status has changed."""
    events.record(session, prediction_topic(prediction.id), {"status": prediction.status.value})


async def start_prediction(
    session: WriteSession,
    viewer: Viewer,
    *,
    model_id: int,
    geom: Polygon,
    zoom_level: int,
    outlines: Outlines,
    source_imagery: str | None = None,
    description: str | None = None,
) -> Prediction:
    """Queues a search of an area with a model's published training."""
    signed_in(viewer)
    model = await session.scalar(visible(Model, viewer).where(Model.id == model_id))
    if model is None:
        raise NotFound("There is no such model.")
    if model.published_training_id is None:
        raise Conflict("This model is not published yet: publish one of its trainings first.")
    training = await session.get_one(Training, model.published_training_id)
    require(may_predict_with_this_training, viewer, training)
    area = geometry.checked("geom", geom, area_m2_min=1, area_m2_max=settings.prediction_area_m2_max)
    checks.within("zoomLevel", zoom_level, settings.prediction_zoom_min, settings.prediction_zoom_max)
    tiles.covering(area, zoom_level)  # LimitReached beyond what a job may fetch
    await not_too_often(session, viewer, Prediction, per_hour_max=settings.predictions_per_hour_max)
    source = imagery.check_template("sourceImagery", source_imagery or training.source_imagery)
    prediction = Prediction(
        user_id=signed_in(viewer),
        training_id=training.id,
        geom=area,
        description=checks.optional_text("description", description, length_max=settings.note_length_max),
        config={"checkpoint": CHECKPOINT, "zoom_level": zoom_level, "source": source, **asdict(outlines)},
    )
    session.add(prediction)
    await session.flush()
    job = await enqueue(session, JobKind.PREDICT, subject_id=prediction.id, user_id=prediction.user_id)
    prediction.job_id = job.id
    await session.flush()
    _note(session, prediction)
    return prediction


async def begin_prediction(session: WriteSession, prediction_id: int) -> PredictionPlan:
    """Notes that a worker began, and gathers what it needs."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    prediction.status = TrainingStatus.RUNNING
    prediction.started_at = prediction.started_at or await session.scalar(select(func.now()))
    _note(session, prediction)
    model = select(Model.base_model).join(Training, Training.model_id == Model.id)
    base_model = (await session.scalars(model.where(Training.id == prediction.training_id))).one()
    weights = select(Artifact.storage_key).where(Artifact.training_id == prediction.training_id)
    config = dict(prediction.config)
    config.pop("checkpoint")
    return PredictionPlan(
        base_model=base_model.value,
        checkpoint_key=(await session.scalars(weights.where(Artifact.name == CHECKPOINT))).one(),
        area=prediction.geom,
        source_imagery=config.pop("source"),
        zoom_level=config.pop("zoom_level"),
        outlines=Outlines(**config),
    )


async def finish_prediction(
    session: WriteSession,
    prediction_id: int,
    features: Sequence[tuple[Polygon, float, float]],
    files: Sequence[Left],
) -> None:
    """Writes down what was found: outline, confidence and true area of each feature."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    if features:
        await session.execute(
            insert(PredictedFeature),
            [
                {"prediction_id": prediction.id, "geom": geom, "confidence": confidence, "area_m2": area_m2}
                for geom, confidence, area_m2 in features
            ],
        )
    prediction.status, prediction.result_count = TrainingStatus.FINISHED, len(features)
    prediction.finished_at = await session.scalar(select(func.now()))
    session.add_all([Artifact(prediction_id=prediction.id, **asdict(file)) for file in files])
    _note(session, prediction)
    await notify(
        session,
        prediction.user_id,
        f"Your prediction {prediction.id} has finished: {len(features)} features were found.",
        about=prediction,
    )


async def prediction_failed(session: WriteSession, prediction_id: int, reason: str) -> None:
    """Ends a prediction that will give no result, and says why."""
    prediction = await session.get_one(Prediction, prediction_id, with_for_update=True)
    prediction.status = TrainingStatus.FAILED
    prediction.failure = reason[: settings.note_length_max]
    prediction.finished_at = await session.scalar(select(func.now()))
    _note(session, prediction)
    await notify(session, prediction.user_id, f"Your prediction {prediction.id} has failed. {reason}", about=prediction)
