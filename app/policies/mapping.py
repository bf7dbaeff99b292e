"""Who sees and changes datasets, models, trainings and predictions."""

from sqlalchemy import ColumnElement, or_, true

from app.models import (
    AOI,
    ApprovedPrediction,
    Artifact,
    Dataset,
    Feedback,
    FeedbackAOI,
    FeedbackLabel,
    Label,
    Model,
    PredictedFeature,
    Prediction,
    Training,
)
from app.policies import Viewer, reads


@reads(Dataset, AOI, Label, Model, Training, Feedback, FeedbackAOI, FeedbackLabel, ApprovedPrediction)
def visible_to_all(viewer: Viewer) -> ColumnElement[bool]:
    """What models learn from, how well they did, and what people say of that, is public."""
    del viewer
    return true()


@reads(Prediction)
def visible_predictions(viewer: Viewer) -> ColumnElement[bool]:
    """One's own, and what others have published."""
    return true() if viewer.is_staff else Prediction.published | (Prediction.user_id == viewer.user_id)


@reads(PredictedFeature)
def visible_predicted_features(viewer: Viewer) -> ColumnElement[bool]:
    """Those of visible predictions."""
    return PredictedFeature.prediction.has(visible_predictions(viewer))


@reads(Artifact)
def visible_artifacts(viewer: Viewer) -> ColumnElement[bool]:
    """Those of trainings, and of visible predictions."""
    return or_(Artifact.training_id.is_not(None), Artifact.prediction.has(visible_predictions(viewer)))


def _owns(viewer: Viewer, row: Dataset | Model | Training | Prediction | AOI) -> bool:
    return viewer.is_staff or row.user_id == viewer.user_id


def may_change_this_dataset(viewer: Viewer, dataset: Dataset) -> bool:
    """Its owner and staff: its fields, its areas, its labels."""
    return _owns(viewer, dataset)


def may_train_on_this_dataset(viewer: Viewer, dataset: Dataset) -> bool:
    """Anybody with an account: datasets are made to be learned from."""
    del dataset
    return viewer.user_id is not None


def may_train_this_model(viewer: Viewer, model: Model) -> bool:
    """Its owner and staff."""
    return _owns(viewer, model)


def may_cancel_this_training(viewer: Viewer, training: Training) -> bool:
    """Whoever started it, and staff."""
    return _owns(viewer, training)


def may_publish_trainings_of_this_model(viewer: Viewer, model: Model) -> bool:
    """Its owner alone: a name is put behind it."""
    return model.user_id == viewer.user_id


def may_predict_with_this_training(viewer: Viewer, training: Training) -> bool:
    """Anybody with an account, once its model offers it."""
    del training
    return viewer.user_id is not None
