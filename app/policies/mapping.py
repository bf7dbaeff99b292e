"""Who may see and change datasets, models, trainings and predictions."""

from sqlalchemy import ColumnElement, false, or_, true

from app.models.mapping.datasets import AOI, Contributions, Dataset, Label
from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI, FeedbackLabel
from app.models.mapping.imports import LabelImport
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Artifact, PredictedFeature, Prediction
from app.models.mapping.trainings import Model, Training
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads
from app.policies.accounts import belongs_to_team


@reads(Dataset, AOI, Label, Model, Training, Feedback, FeedbackAOI, FeedbackLabel, ApprovedPrediction, Inspection)
def visible_to_all(viewer: AnyViewer) -> ColumnElement[bool]:
    """Datasets, models, metrics and feedback are public."""
    del viewer
    return true()


@reads(LabelImport)
def visible_label_imports(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own."""
    return true() if viewer.is_staff else names_viewer(viewer, LabelImport.user_id)


@reads(Prediction)
def visible_predictions(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own, published ones, and those shared with the viewer's teams."""
    return true() if viewer.is_staff else Prediction.published | judges_predictions(viewer)


def judges_predictions(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer may judge the features of a prediction: its owner, its team, and staff."""
    if viewer.is_staff:
        return true()
    return names_viewer(viewer, Prediction.user_id) | belongs_to_team(viewer, Prediction.team_id)


@reads(PredictedFeature)
def visible_predicted_features(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible predictions."""
    return PredictedFeature.prediction.has(visible_predictions(viewer))


@reads(Artifact)
def visible_artifacts(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of trainings, and of visible predictions."""
    return or_(Artifact.training_id.is_not(None), Artifact.prediction.has(visible_predictions(viewer)))


Owned = Dataset | Model | Training | Prediction | AOI | Feedback | FeedbackAOI | ApprovedPrediction


def _owns(viewer: Viewer, row: Owned) -> bool:
    return viewer.is_staff or is_viewer(viewer, row.user_id)


def may_change_this_dataset(viewer: Viewer, dataset: Dataset) -> bool:
    """For its owner and staff: its fields, and its deletion."""
    return _owns(viewer, dataset)


def contributes_to_dataset(viewer: AnyViewer) -> ColumnElement[bool]:
    """For its owner, staff and contributors (everybody, or the members of a team): areas, labels, fetching."""
    if viewer.is_staff:
        return true()
    if not viewer.is_signed_in:
        return false()
    return or_(
        names_viewer(viewer, Dataset.user_id),
        Dataset.contributions == Contributions.OPEN,
        belongs_to_team(viewer, Dataset.team_id),
    )


def may_change_this_area(viewer: Viewer, aoi: AOI) -> bool:
    """For its creator, the owner of its dataset, and staff."""
    return _owns(viewer, aoi) or _owns(viewer, aoi.dataset)


def may_change_this_label(viewer: Viewer, label: Label) -> bool:
    """For its creator, the owner of its dataset, and staff."""
    return is_viewer(viewer, label.user_id) or _owns(viewer, label.aoi.dataset)


def may_train_on_this_dataset(viewer: Viewer, dataset: Dataset) -> bool:
    """For any user: datasets are made to be learned from."""
    del dataset
    return viewer.is_signed_in


def may_train_this_model(viewer: Viewer, model: Model) -> bool:
    """For its owner and staff."""
    return _owns(viewer, model)


def may_change_this_model(viewer: Viewer, model: Model) -> bool:
    """For its owner and staff: its fields, its trainings, and its deletion."""
    return _owns(viewer, model)


def may_judge_trainings(viewer: Viewer, training: Training) -> bool:
    """For any user: people who look at a prediction see what is wrong with it."""
    del training
    return viewer.is_signed_in


def may_change_this_feedback(viewer: Viewer, feedback: Feedback) -> bool:
    """For its author and staff: nobody else may change the words."""
    return _owns(viewer, feedback)


def may_delete_this_feedback(viewer: Viewer, feedback: Feedback | ApprovedPrediction) -> bool:
    """For its author, the owner of its model, and staff."""
    return _owns(viewer, feedback) or _owns(viewer, feedback.training.model)


def may_change_this_feedback_area(viewer: Viewer, area: FeedbackAOI) -> bool:
    """For its author, the owner of the model it corrects, and staff: its boundary, its labels, its deletion."""
    return _owns(viewer, area) or _owns(viewer, area.training.model)


def may_review_feedback_on_this_model(viewer: Viewer, model: Model) -> bool:
    """For its owner and staff: their model learns from it."""
    return _owns(viewer, model)


def may_cancel_this_training(viewer: Viewer, training: Training) -> bool:
    """For its creator and staff."""
    return _owns(viewer, training)


def may_change_this_prediction(viewer: Viewer, prediction: Prediction) -> bool:
    """For its creator and staff: its note, sharing, retry, deletion."""
    return _owns(viewer, prediction)


def may_publish_trainings_of_this_model(viewer: Viewer, model: Model) -> bool:
    """For its owner alone: their name is published with it."""
    return is_viewer(viewer, model.user_id)


def may_predict_with_this_training(viewer: Viewer, training: Training) -> bool:
    """For any user, once the model is published."""
    del training
    return viewer.is_signed_in
