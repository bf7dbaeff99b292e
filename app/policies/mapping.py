"""Who sees and changes datasets, models, trainings and predictions."""

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
    """What models learn from, how well they did, and what people say of that, is public."""
    del viewer
    return true()


@reads(LabelImport)
def visible_label_imports(viewer: AnyViewer) -> ColumnElement[bool]:
    """One's own."""
    return true() if viewer.is_staff else names_viewer(viewer, LabelImport.user_id)


@reads(Prediction)
def visible_predictions(viewer: AnyViewer) -> ColumnElement[bool]:
    """One's own, what others have published, and what is shared with one's teams."""
    return true() if viewer.is_staff else Prediction.published | judges_predictions(viewer)


def judges_predictions(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer says which features a prediction found rightly: its owner, its team, and staff."""
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
    """Its owner and staff: its fields, and whether it exists."""
    return _owns(viewer, dataset)


def contributes_to_dataset(viewer: AnyViewer) -> ColumnElement[bool]:
    """Its owner and staff, and whom its owner lets: everybody, or the people of a team. Areas, labels, fetching."""
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
    """Whoever drew it, the owner of its dataset, and staff."""
    return _owns(viewer, aoi) or _owns(viewer, aoi.dataset)


def may_change_this_label(viewer: Viewer, label: Label) -> bool:
    """Whoever uploaded or drew it, the owner of its dataset, and staff."""
    return is_viewer(viewer, label.user_id) or _owns(viewer, label.aoi.dataset)


def may_train_on_this_dataset(viewer: Viewer, dataset: Dataset) -> bool:
    """Anybody with an account: datasets are made to be learned from."""
    del dataset
    return viewer.is_signed_in


def may_train_this_model(viewer: Viewer, model: Model) -> bool:
    """Its owner and staff."""
    return _owns(viewer, model)


def may_change_this_model(viewer: Viewer, model: Model) -> bool:
    """Its owner and staff: its fields, its trainings, and whether they exist."""
    return _owns(viewer, model)


def may_judge_trainings(viewer: Viewer, training: Training) -> bool:
    """Anybody with an account: who looks at a prediction sees what is wrong with it."""
    del training
    return viewer.is_signed_in


def may_change_this_feedback(viewer: Viewer, feedback: Feedback) -> bool:
    """Whoever gave it, and staff: nobody puts words into another's mouth."""
    return _owns(viewer, feedback)


def may_delete_this_feedback(viewer: Viewer, feedback: Feedback | ApprovedPrediction) -> bool:
    """Whoever gave it, the owner of the model it is about, and staff."""
    return _owns(viewer, feedback) or _owns(viewer, feedback.training.model)


def may_change_this_feedback_area(viewer: Viewer, area: FeedbackAOI) -> bool:
    """Whoever drew it, the owner of the model it corrects, and staff: its boundary, its labels, whether it exists."""
    return _owns(viewer, area) or _owns(viewer, area.training.model)


def may_review_feedback_on_this_model(viewer: Viewer, model: Model) -> bool:
    """Its owner and staff: it is their model that learns from it."""
    return _owns(viewer, model)


def may_cancel_this_training(viewer: Viewer, training: Training) -> bool:
    """Whoever started it, and staff."""
    return _owns(viewer, training)


def may_change_this_prediction(viewer: Viewer, prediction: Prediction) -> bool:
    """Whoever started it, and staff: its note, who sees it, its work, its end."""
    return _owns(viewer, prediction)


def may_publish_trainings_of_this_model(viewer: Viewer, model: Model) -> bool:
    """Its owner alone: a name is put behind it."""
    return is_viewer(viewer, model.user_id)


def may_predict_with_this_training(viewer: Viewer, training: Training) -> bool:
    """Anybody with an account, once its model offers it."""
    del training
    return viewer.is_signed_in
