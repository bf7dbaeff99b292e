"""One plain function per thing a test may need, with keyword overrides."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shapely import Polygon, box
from sqlalchemy import select

from app.database import Database
from app.events.reading import EventReader
from app.models.accounts import Team, TeamInvitation, TeamMembership
from app.models.automl.graphs import Graph
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.models import NNModel
from app.models.base import Record
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI, Dataset, Label, LabelOrigin
from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI, FeedbackLabel, FeedbackType
from app.models.mapping.imports import LabelFormat, LabelImport
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Artifact, PredictedFeature, Prediction
from app.models.mapping.trainings import Model, Training
from app.models.social import Friendship, Post
from app.models.system import Job, JobState, UserNotification
from app.security import credentials
from app.services.accounts.sign_in.sessions import SignedIn
from app.services.mapping.trainings.lifecycle import TrainingFigures
from app.services.system import notifications
from app.tabular.choices import GraphType
from app.tabular.datatypes import Datatype, Role
from tests.signed_up import signed_up

# One hash for all, as quick as those of `production_hashes` are slow.
PASSWORD = "correct horse battery"
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$aGVsbG8td29ybGQtMTIzNA$mR4MqCnZPXJwduI9fhHI49bzPfJfElMt3F6V6OZqDBs"
SQUARE = box(12.0, 46.0, 12.001, 46.001)
HOUSE = box(12.0002, 46.0002, 12.0003, 46.0003)
FIGURES = TrainingFigures(
    accuracy=62.5,
    pixel_accuracy=0.9,
    precision=0.8,
    recall=0.7,
    f1=0.75,
    object_f1=0.6,
    chips_length=64,
    suggested_confidence=45,
)


async def user(database: Database, name: str, **fields: Any) -> SignedIn:
    """An account with an open session."""
    return await signed_up(database, name, **{"password_hash": PASSWORD_HASH, **fields})


async def add(database: Database, row: Record) -> Any:
    """The row, once it is in the database."""
    async with database.writing() as session:
        session.add(row)
    return row


async def dataset(database: Database, user_id: int, **fields: Any) -> Dataset:
    return await add(
        database,
        Dataset(
            **{
                "user_id": user_id,
                "name": "Village",
                "source_imagery": "https://tiles.example.org/{z}/{x}/{y}.png",
                **fields,
            }
        ),
    )


async def machine(database: Database, user_id: int, **fields: Any) -> Machine:
    return await add(database, Machine(**{"machine_owner_user_id": user_id, "machine_name": "Cells", **fields}))


async def graph(database: Database, machine_id: int) -> Graph:
    """Bars of a column, which the machine gets."""
    column = {"name": "kind", "position": 0, "datatype": Datatype.LABEL, "role": Role.INPUT}
    await add(database, MachineColumn(machine_id=machine_id, **column))
    return await add(database, Graph(machine_id=machine_id, graph_type=GraphType.HORIZONTAL_BARS, y="kind"))


async def nn_model(database: Database, machine_id: int, **fields: Any) -> NNModel:
    stored = {"storage_key": f"machines/{machine_id}/1-1.safetensors", "sha256": "0" * 64, "size_bytes": 1}
    return await add(
        database, NNModel(**{"machine_id": machine_id, "version": 1, "level": 1, "seed": 0, **stored, **fields})
    )


async def aoi(database: Database, of: Dataset, geom: Polygon = SQUARE, **fields: Any) -> AOI:
    return await add(database, AOI(**{"dataset_id": of.id, "user_id": of.user_id, "geom": geom, **fields}))


async def label(database: Database, of: AOI, **fields: Any) -> Label:
    return await add(database, Label(**{"aoi_id": of.id, "geom": HOUSE, "origin": LabelOrigin.UPLOAD, **fields}))


async def model(database: Database, of: Dataset, **fields: Any) -> Model:
    return await add(database, Model(**{"dataset_id": of.id, "user_id": of.user_id, "name": "Roofs", **fields}))


async def job(database: Database, **fields: Any) -> Job:
    return await add(
        database,
        Job(**{"kind": MappingJob.TRAIN, "subject_id": 1, "attempts_max": 3, "state": JobState.QUEUED, **fields}),
    )


async def training(database: Database, of: Model, **fields: Any) -> Training:
    return await add(
        database,
        Training(
            **{
                "model_id": of.id,
                "user_id": of.user_id,
                "source_imagery": "https://tiles.example.org/{z}/{x}/{y}.png",
                "zoom_level": [19],
                "epochs": 2,
                "batch_size": 8,
                **fields,
            }
        ),
    )


async def inspection(database: Database, of: Dataset, **fields: Any) -> Inspection:
    return await add(
        database,
        Inspection(
            **{
                "dataset_id": of.id,
                "user_id": of.user_id,
                "source_imagery": of.source_imagery,
                "zoom_level": 19,
                **fields,
            }
        ),
    )


async def prediction(database: Database, of: Training, **fields: Any) -> Prediction:
    config = {"checkpoint": "checkpoint.safetensors", "zoom_level": 19, "source": of.source_imagery}
    return await add(
        database,
        Prediction(**{"training_id": of.id, "user_id": of.user_id, "geom": SQUARE, "config": config, **fields}),
    )


async def artifact(database: Database, **fields: Any) -> Artifact:
    return await add(
        database,
        Artifact(
            **{
                "name": "checkpoint.safetensors",
                "media_type": "application/octet-stream",
                "size_bytes": 1,
                "storage_key": "trainings/1/1/checkpoint.safetensors",
                **fields,
            }
        ),
    )


async def feature(database: Database, of: Prediction, **fields: Any) -> PredictedFeature:
    return await add(
        database,
        PredictedFeature(**{"prediction_id": of.id, "geom": HOUSE, "confidence": 0.9, "area_m2": 86.0, **fields}),
    )


async def feedback(database: Database, of: Training, **fields: Any) -> Feedback:
    given = {"geom": SQUARE, "feedback_type": FeedbackType.FP, "zoom_level": 19, "source_imagery": of.source_imagery}
    return await add(database, Feedback(**{"training_id": of.id, "user_id": of.user_id, **given, **fields}))


async def feedback_aoi(database: Database, of: Training, geom: Polygon = SQUARE, **fields: Any) -> FeedbackAOI:
    given = {"user_id": of.user_id, "geom": geom, "source_imagery": of.source_imagery}
    return await add(database, FeedbackAOI(**{"training_id": of.id, **given, **fields}))


async def feedback_label(database: Database, of: FeedbackAOI, **fields: Any) -> FeedbackLabel:
    return await add(
        database, FeedbackLabel(**{"feedback_aoi_id": of.id, "geom": HOUSE, "origin": LabelOrigin.DRAWN, **fields})
    )


async def approved_prediction(database: Database, of: Training, **fields: Any) -> ApprovedPrediction:
    return await add(
        database, ApprovedPrediction(**{"training_id": of.id, "user_id": of.user_id, "geom": HOUSE, **fields})
    )


async def notification(database: Database, user_id: int, **fields: Any) -> UserNotification:
    return await add(database, UserNotification(**{"user_id": user_id, "message": "It is done.", **fields}))


async def notify(
    database: Database, person: SignedIn, *messages: str, about: Record | None = None, event: str | None = None
) -> list[UserNotification]:
    """Notifies somebody by the service, about themselves unless it is told; gives the notifications, in order."""
    async with database.writing() as session:
        for message in messages:
            notifications.notify(session, person.user.id, message, about=about or person.user, event=event)
    return await newest_notifications(database, person.user.id, len(messages))


async def newest_notifications(database: Database, user_id: int, count: int) -> list[UserNotification]:
    """The last of a user, oldest first."""
    newest = select(UserNotification).where(UserNotification.user_id == user_id).order_by(UserNotification.id.desc())
    async with database.reading() as session:
        return [*await session.scalars(newest.limit(count))][::-1]


async def team(database: Database, admin_id: int, *member_ids: int, **fields: Any) -> Team:
    """A team with its members, of whom the admin is the first."""
    made: Team = await add(database, Team(**{"name": "Surveyors", "admin_user_id": admin_id, **fields}))
    for user_id in (admin_id, *member_ids):
        await add(database, TeamMembership(team_id=made.id, user_id=user_id))
    return made


async def team_invitation(database: Database, of: Team, token: str = "come in", **fields: Any) -> TeamInvitation:
    """An invitation with this token, for one person and a day."""
    expires_at = datetime.now(UTC) + timedelta(days=1)
    kept = {"token_hash": credentials.token_hash(token), "expires_at": expires_at, "uses_max": 1, "uses": 0}
    return await add(database, TeamInvitation(**{"team_id": of.id, "user_id": of.admin_user_id, **kept, **fields}))


async def post(database: Database, author_id: int, *, parent: Post | None = None, **fields: Any) -> Post:
    place = {} if parent is None else {"parent_id": parent.id, "root_id": parent.root_id or parent.id}
    depth = 0 if parent is None else parent.depth + 1
    return await add(
        database, Post(**{"author_id": author_id, "content": "It rains.", "depth": depth, **place, **fields})
    )


async def befriend(database: Database, one: int, other: int) -> None:
    async with database.writing() as session:
        session.add_all([Friendship(user_id=one, friend_id=other), Friendship(user_id=other, friend_id=one)])


async def label_import(database: Database, of: AOI, **fields: Any) -> LabelImport:
    """A file on its way into an area."""
    given = {"format": LabelFormat.GEOJSON, "tags": {}, "replace": False, "storage_key": f"uploads/{of.id}"}
    return await add(database, LabelImport(**{"aoi_id": of.id, "user_id": of.user_id, **given, **fields}))


async def cursor_of_now(database: Database) -> str:
    """The cursor after which nothing has happened yet."""
    events = EventReader(database.engine, database.reader)
    return (await events.end(await events.epoch())).cursor
