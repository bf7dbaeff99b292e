"""Fields that this domain adds to the types of lower domains."""

from app.models.mapping.datasets import USER_DATASETS
from app.models.mapping.feedback import USER_APPROVED_PREDICTIONS, USER_FEEDBACKS
from app.models.mapping.predictions import USER_PREDICTIONS
from app.models.mapping.trainings import USER_MODELS, USER_TRAININGS
from app.models.system import UserNotification as NotificationTable
from resolvers.mapping.datasets import NamedOrder
from resolvers.mapping.trainings import TrainingOrder
from schema.accounts.users import User
from schema.fields import Connection, many, one
from schema.mapping.datasets import Dataset
from schema.mapping.feedback import ApprovedPrediction, Feedback
from schema.mapping.predictions import Prediction
from schema.mapping.trainings import Model, Training
from schema.row import adds_fields
from schema.system.notifications import UserNotification


@adds_fields(User)
class MappingOfUser:
    datasets: Connection[Dataset] = many(USER_DATASETS, order=NamedOrder)
    models: Connection[Model] = many(USER_MODELS, order=NamedOrder)
    trainings: Connection[Training] = many(USER_TRAININGS, order=TrainingOrder)
    predictions: Connection[Prediction] = many(USER_PREDICTIONS)
    feedbacks: Connection[Feedback] = many(USER_FEEDBACKS)
    approved_predictions: Connection[ApprovedPrediction] = many(USER_APPROVED_PREDICTIONS)


@adds_fields(UserNotification)
class MappingOfNotification:
    training: Training | None = one(NotificationTable.training)
