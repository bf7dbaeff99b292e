"""Verdicts on predicted features."""

from collections.abc import Sequence

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from app.database import ReadSession, WriteSession
from app.errors import BadRequest, Conflict, Forbidden, NotFound
from app.models.mapping.feedback import ApprovedPrediction
from app.models.mapping.predictions import PredictedFeature, Prediction, Verdict
from app.models.mapping.trainings import TrainingStatus
from app.policies import Viewer, signed_in, visible
from app.policies.mapping import judges_predictions
from app.settings import settings


async def judge_features(
    session: WriteSession,
    viewer: Viewer,
    prediction_id: int,
    *,
    feature_ids: Sequence[int],
    verdict: Verdict | None,
) -> Prediction:
    """Accepts or rejects features, all or none; accepted features become the viewer's approved predictions."""
    user_id = signed_in(viewer)
    ids = sorted(set(feature_ids))
    if not 0 < len(ids) <= settings.verdicts_at_once_max:
        raise BadRequest(f"Give 1 to {settings.verdicts_at_once_max} features; this has {len(ids)}.")
    prediction = await _prediction_to_judge(session, viewer, prediction_id)
    named = PredictedFeature.id.in_(ids), PredictedFeature.prediction_id == prediction.id
    judged = update(PredictedFeature).where(*named).values(verdict=verdict).returning(PredictedFeature.id)
    if missing := len(ids) - len((await session.scalars(judged)).all()):
        raise NotFound(f"{missing} of these features do not belong to this prediction.")
    if verdict is Verdict.ACCEPTED:
        query = select(
            literal(prediction.training_id), literal(user_id), PredictedFeature.geom, literal(prediction.config, JSONB)
        )
        columns = ["training_id", "user_id", "geom", "config"]
        approved = insert(ApprovedPrediction).from_select(columns, query.where(*named)).on_conflict_do_nothing()
        await session.execute(approved)
    else:
        outlines = select(func.md5(func.st_asbinary(PredictedFeature.geom))).where(*named)
        own = ApprovedPrediction.training_id == prediction.training_id, ApprovedPrediction.user_id == user_id
        outline = func.md5(func.st_asbinary(ApprovedPrediction.geom))
        await session.execute(delete(ApprovedPrediction).where(*own, outline.in_(outlines)))
    return prediction


async def _prediction_to_judge(session: ReadSession, viewer: Viewer, prediction_id: int) -> Prediction:
    """A finished prediction the viewer may judge, locked so that its features do not change."""
    query = visible(Prediction, viewer).where(Prediction.id == prediction_id)
    row = (
        await session.execute(
            query.add_columns(judges_predictions(viewer)).with_for_update(key_share=True, of=Prediction)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such prediction.")
    prediction: Prediction = row[0]
    if not row[1]:
        raise Forbidden("You may not judge the features of this prediction. Only its owner, its team and staff may.")
    if prediction.status is not TrainingStatus.FINISHED:
        raise Conflict("Only features of a finished prediction can be judged. Wait until it has finished.")
    return prediction
