"""What is done later about datasets, trainings and predictions."""

from app.models.kinds import JobKind, Lane, Trait


class MappingJob(JobKind):
    """The jobs of this domain."""

    FETCH_LABELS = "FETCH_LABELS", Lane.SLOW, Trait.PUBLIC
    IMPORT_LABELS = "IMPORT_LABELS", Lane.SLOW
    FETCH_FEEDBACK_LABELS = "FETCH_FEEDBACK_LABELS", Lane.SLOW, Trait.PUBLIC
    TRAIN = "TRAIN", Lane.HEAVY, Trait.PUBLIC
    PREDICT = "PREDICT", Lane.HEAVY
    REMOVE_TRAINING = "REMOVE_TRAINING", Lane.QUICK, Trait.PRUNED, Trait.OUTLIVES_ACCOUNT
    REMOVE_PREDICTION = "REMOVE_PREDICTION", Lane.QUICK, Trait.PRUNED, Trait.OUTLIVES_ACCOUNT
    CONFLATE = "CONFLATE", Lane.SLOW
    INSPECT = "INSPECT", Lane.SLOW, Trait.PUBLIC
