"""Jobs of datasets, trainings and predictions, and their rate limits."""

from app.errors import ErrorCode
from app.models.kinds import Audience, JobKind, Lane, RateLimit, Trait, WebhookTopic
from app.models.kinds.system import SystemRateLimit


class MappingErrorCode(ErrorCode):
    """The error codes of this domain.

    ACCURACY_TOO_LOW: The accuracy is too low to publish.
    """

    ACCURACY_TOO_LOW = "ACCURACY_TOO_LOW"


class MappingRateLimit(RateLimit):
    """The rate limits of this domain."""

    TRAININGS = "trainings"
    PREDICTIONS = "predictions"
    INSPECTIONS = "inspections"


class MappingJob(JobKind):
    """The jobs of this domain.

    FETCH_LABELS: Fetches labels of an area from OpenStreetMap.
    IMPORT_LABELS: Imports labels from a file.
    FETCH_FEEDBACK_LABELS: Fetches labels for corrections from OpenStreetMap.
    TRAIN: Trains a model.
    PREDICT: Finds features in imagery with a model.
    REMOVE_TRAINING: Removes the files of a deleted training.
    REMOVE_PREDICTION: Removes the files of a deleted prediction.
    CONFLATE: Compares the features of a prediction with OpenStreetMap.
    INSPECT: Checks the imagery and the labels of a dataset.
    """

    FETCH_LABELS = "FETCH_LABELS", Lane.SLOW, SystemRateLimit.JOBS, Trait.PUBLIC
    IMPORT_LABELS = "IMPORT_LABELS", Lane.SLOW, SystemRateLimit.JOBS
    FETCH_FEEDBACK_LABELS = "FETCH_FEEDBACK_LABELS", Lane.SLOW, SystemRateLimit.JOBS, Trait.PUBLIC
    TRAIN = "TRAIN", Lane.HEAVY, MappingRateLimit.TRAININGS, Trait.PUBLIC
    PREDICT = "PREDICT", Lane.HEAVY, MappingRateLimit.PREDICTIONS
    REMOVE_TRAINING = "REMOVE_TRAINING", Lane.QUICK, Trait.NOT_LIMITED, Trait.PRUNED, Trait.OUTLIVES_ACCOUNT
    REMOVE_PREDICTION = "REMOVE_PREDICTION", Lane.QUICK, Trait.NOT_LIMITED, Trait.PRUNED, Trait.OUTLIVES_ACCOUNT
    CONFLATE = "CONFLATE", Lane.SLOW, SystemRateLimit.JOBS
    INSPECT = "INSPECT", Lane.SLOW, MappingRateLimit.INSPECTIONS, Trait.PUBLIC


class MappingTopic(WebhookTopic):
    """The subscriptions of this domain.

    TRAINING_UPDATED: Progress of the account's trainings.
    PREDICTION_UPDATED: Progress of the account's predictions.
    INSPECTION_UPDATED: Progress of the account's inspections.
    """

    TRAINING_UPDATED = "TRAINING_UPDATED", "training", Audience.OWNERS, "trainings"
    PREDICTION_UPDATED = "PREDICTION_UPDATED", "prediction", Audience.OWNERS, "predictions"
    INSPECTION_UPDATED = "INSPECTION_UPDATED", "inspection", Audience.OWNERS, "inspections"
