"""A user's statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, ScalarSelect, cast, func, select

from app.database import ReadSession
from app.models.accounts import OsmAccount, Profile, User
from app.models.mapping.datasets import Dataset, Owned
from app.models.mapping.feedback import ApprovedPrediction, Feedback
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Model, Training
from app.models.system import UserNotification


@dataclass(frozen=True)
class UserStatistics:
    """Counts of what a user created, unread notifications, and how complete the profile is."""

    datasets_count: int
    models_count: int
    trainings_count: int
    predictions_count: int
    feedbacks_count: int
    approved_predictions_count: int
    unread_notifications_count: int
    profile_completion_percentage: int


async def statistics_of(session: ReadSession, user_ids: Sequence[int]) -> Mapping[int, UserStatistics]:
    """The statistics of many accounts, in one statement."""
    figures = select(
        User.id,
        *(_count(model) for model in (Dataset, Model, Training, Prediction, Feedback, ApprovedPrediction)),
        _count(UserNotification, ~UserNotification.is_read),
        _completion(),
    )
    rows = await session.execute(
        figures.outerjoin(Profile, Profile.id == User.id)
        .outerjoin(OsmAccount, OsmAccount.id == User.id)
        .where(User.id.in_(user_ids))
    )
    return {id: UserStatistics(*counts) for id, *counts in rows}


def _count(model: type[Owned | UserNotification], *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    return select(func.count()).where(model.user_id == User.id, *conditions).scalar_subquery()


def _completion() -> ColumnElement[int]:
    """A quarter each for the account, a picture, an email address, and its verification."""
    has_picture = Profile.avatar_key.is_not(None) | OsmAccount.img_url.is_not(None)
    return 25 * (
        1 + cast(has_picture, Integer) + cast(User.email.is_not(None), Integer) + cast(User.email_verified, Integer)
    )
