"""What of each table is somebody's: everything that an archive of their data holds."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.database import ReadSession
from app.models.accounts import (
    ApiKey,
    DataExport,
    OsmAccount,
    Profile,
    Session,
    Team,
    TeamInvitation,
    TeamMembership,
    User,
    UserPreferences,
)
from app.models.base import Record
from app.models.mapping.datasets import AOI, Dataset, Label
from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI, FeedbackLabel
from app.models.mapping.imports import LabelImport
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Artifact, PredictedFeature, Prediction
from app.models.mapping.trainings import Model, Training
from app.models.social import (
    Block,
    Conversation,
    FriendRequest,
    Friendship,
    Like,
    Message,
    Mute,
    Post,
    PostRevision,
    Report,
    Share,
)
from app.models.system import AuditEntry, Mail, NotificationActor, UserNotification

BATCH = 200
"""Rows in memory at once; a shape may have thousands of vertices."""

THEIRS: dict[type[Record], tuple[InstrumentedAttribute[Any], ...]] = {
    User: (User.id,),
    Profile: (Profile.id,),
    UserPreferences: (UserPreferences.id,),
    OsmAccount: (OsmAccount.id,),
    Session: (Session.user_id,),
    ApiKey: (ApiKey.user_id,),
    DataExport: (DataExport.user_id,),
    Team: (Team.admin_user_id,),
    TeamMembership: (TeamMembership.user_id,),
    TeamInvitation: (TeamInvitation.user_id, TeamInvitation.team_id),
    UserNotification: (UserNotification.user_id,),
    NotificationActor: (NotificationActor.notification_id,),
    Mail: (Mail.user_id,),
    Dataset: (Dataset.user_id,),
    AOI: (AOI.user_id, AOI.dataset_id),
    Label: (Label.user_id, Label.aoi_id),
    Inspection: (Inspection.user_id, Inspection.dataset_id),
    LabelImport: (LabelImport.user_id, LabelImport.aoi_id),
    Model: (Model.user_id,),
    Training: (Training.user_id,),
    Prediction: (Prediction.user_id,),
    PredictedFeature: (PredictedFeature.prediction_id,),
    Artifact: (Artifact.training_id, Artifact.prediction_id),
    Feedback: (Feedback.user_id,),
    FeedbackAOI: (FeedbackAOI.user_id,),
    FeedbackLabel: (FeedbackLabel.user_id, FeedbackLabel.feedback_aoi_id),
    ApprovedPrediction: (ApprovedPrediction.user_id,),
    Post: (Post.author_id,),
    PostRevision: (PostRevision.post_id,),
    Like: (Like.user_id,),
    Share: (Share.user_id,),
    Friendship: (Friendship.user_id,),
    FriendRequest: (FriendRequest.from_user_id, FriendRequest.to_user_id),
    Conversation: (Conversation.user_id,),
    Message: (Message.sender_id, Message.receiver_id),
    Block: (Block.user_id,),
    Mute: (Mute.user_id,),
    Report: (Report.user_id,),
    AuditEntry: (AuditEntry.user_id, AuditEntry.actor_id),
}
"""The tables of which somebody owns rows, each with the keys that make a row theirs: they name the account itself, or
a row of another of these tables that is theirs."""

WITHHELD = {
    "password_hash",
    "security_stamp",
    "username_key",
    "storage_key",
    "avatar_key",
    "media_key",
    "event_key",
    "group_key",
    "evidence_key",
}
"""Columns that only mean something here, beside those that are hashes of secrets."""

FILES: dict[tuple[type[Record], InstrumentedAttribute[Any]], str] = {
    (Profile, Profile.avatar_key): "avatars/{}/512.webp",
    (Post, Post.media_key): "pictures/{}/1600.webp",
}
"""The columns that name a file of theirs, with where it is kept."""


def told(table: type[Record]) -> list[InstrumentedAttribute[Any]]:
    """The columns of a table that its owner is given."""
    columns = [getattr(table, attribute.key) for attribute in table.__mapper__.column_attrs]
    return [column for column in columns if not isinstance(column.type, LargeBinary) and column.key not in WITHHELD]


async def rows_of(
    session: ReadSession, table: type[Record], user_id: int
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Somebody's rows of a table, the oldest first, so many at a time."""
    rows = select(*told(table)).where(_theirs(table, user_id)).order_by(table.id)
    found = await session.stream(rows.execution_options(yield_per=BATCH))
    async for batch in found.partitions():
        yield [row._asdict() for row in batch]


async def files_of(session: ReadSession, user_id: int) -> list[str]:
    """Where somebody's files are kept."""
    found = []
    for (table, column), place in FILES.items():
        names = select(column).where(_theirs(table, user_id), column.is_not(None)).order_by(table.id)
        found += [place.format(name) for name in await session.scalars(names)]
    return found


def _theirs(table: type[Record], user_id: int) -> ColumnElement[bool]:
    """Whether a row is somebody's."""
    return or_(*(_names(key, user_id) for key in THEIRS[table]))


def _names(key: InstrumentedAttribute[Any], user_id: int) -> ColumnElement[bool]:
    """Whether a key names somebody, or something of theirs."""
    owners = {owner.__tablename__: owner for owner in THEIRS}
    [owner] = [owners[foreign.column.table.name] for foreign in key.expression.foreign_keys] or [User]
    if owner is User:
        return key == user_id
    return key.in_(select(owner.id).where(_theirs(owner, user_id)))
