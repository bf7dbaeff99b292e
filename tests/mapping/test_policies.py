"""Who sees and changes what: viewer × row × verdict."""

import pytest
from sqlalchemy.orm.attributes import set_committed_value

from app.errors import Forbidden, Unauthenticated
from app.models.base import Base
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI, Dataset, Label
from app.models.mapping.feedback import ApprovedPrediction, Feedback, FeedbackAOI, FeedbackLabel
from app.models.mapping.imports import LabelImport
from app.models.mapping.inspections import Inspection
from app.models.mapping.predictions import Artifact, PredictedFeature, Prediction
from app.models.mapping.trainings import Model, Training
from app.policies import Viewer, mapping, require, visible
from tests import factories

OWNER, OTHER, STAFF, STRANGER = "owner", "other", "staff", "stranger"


@pytest.fixture
def viewers(owner, other, staff):
    return {
        OWNER: Viewer(owner.id),
        OTHER: Viewer(other.id),
        STAFF: Viewer(staff.id, is_staff=True),
        STRANGER: Viewer(),
    }


@pytest.fixture
async def rows(database, owner):
    """By name: a row of the owner's of every table, private and public ones where there are both."""
    found = {"dataset": await factories.dataset(database, owner.id)}
    found["aoi"] = await factories.aoi(database, found["dataset"])
    found["label"] = await factories.label(database, found["aoi"])
    found["import"] = await factories.label_import(database, found["aoi"])
    found["model"] = await factories.model(database, found["dataset"])
    found["training"] = await factories.training(database, found["model"])
    found["training's file"] = await factories.artifact(database, training_id=found["training"].id)
    found["feedback"] = await factories.feedback(database, found["training"])
    found["feedback_aoi"] = await factories.feedback_aoi(database, found["training"])
    found["feedback_label"] = await factories.feedback_label(database, found["feedback_aoi"])
    found["inspection"] = await factories.inspection(database, found["dataset"])
    found["approved_prediction"] = await factories.approved_prediction(database, found["training"])
    set_committed_value(found["aoi"], "dataset", found["dataset"])
    set_committed_value(found["label"], "aoi", found["aoi"])
    set_committed_value(found["training"], "model", found["model"])
    set_committed_value(found["feedback"], "training", found["training"])
    set_committed_value(found["feedback_aoi"], "training", found["training"])
    for kind, published in [("private", False), ("published", True)]:
        prediction = await factories.prediction(database, found["training"], published=published)
        found[f"{kind} prediction"] = prediction
        found[f"{kind} prediction's feature"] = await factories.feature(database, prediction)
        found[f"{kind} prediction's file"] = await factories.artifact(database, prediction_id=prediction.id)
    for kind in (
        MappingJob.TRAIN,
        MappingJob.FETCH_LABELS,
        MappingJob.PREDICT,
        MappingJob.IMPORT_LABELS,
        MappingJob.INSPECT,
    ):
        found[f"{kind.value} job"] = await factories.job(database, kind=kind, user_id=owner.id)
    return found


EVERYBODY = {OWNER, OTHER, STAFF, STRANGER}
INSIDERS = {OWNER, STAFF}
SEEN = [
    ("dataset", EVERYBODY),
    ("aoi", EVERYBODY),
    ("label", EVERYBODY),
    ("import", INSIDERS),
    ("model", EVERYBODY),
    ("training", EVERYBODY),
    ("training's file", EVERYBODY),
    ("feedback", EVERYBODY),
    ("feedback_aoi", EVERYBODY),
    ("feedback_label", EVERYBODY),
    ("approved_prediction", EVERYBODY),
    ("inspection", EVERYBODY),
    ("private prediction", INSIDERS),
    ("private prediction's feature", INSIDERS),
    ("private prediction's file", INSIDERS),
    ("published prediction", EVERYBODY),
    ("published prediction's feature", EVERYBODY),
    ("published prediction's file", EVERYBODY),
    ("TRAIN job", EVERYBODY),
    ("FETCH_LABELS job", EVERYBODY),
    ("INSPECT job", EVERYBODY),
    ("PREDICT job", INSIDERS),
    ("IMPORT_LABELS job", INSIDERS),
]


async def test_every_row_is_seen_by_whom_it_concerns_and_nobody_else(database, viewers, rows):
    assert {name for name, _ in SEEN} == set(rows)
    verdicts = []
    for name, _ in SEEN:
        row, table = rows[name], type(rows[name])
        seen = set()
        for who, viewer in viewers.items():
            async with database.reading() as session:
                if await session.scalar(visible(table, viewer).where(table.id == row.id)):
                    seen.add(who)
        verdicts.append((name, seen))
    assert verdicts == SEEN


def test_every_table_of_this_domain_is_in_the_list():
    tables = {each.class_ for each in Base.registry.mappers if each.class_.__module__.startswith("app.models.mapping")}
    assert tables == {AOI, Artifact, Dataset, Label, Model, PredictedFeature, Prediction, Training} | {
        ApprovedPrediction,
        Feedback,
        FeedbackAOI,
        FeedbackLabel,
        LabelImport,
        Inspection,
    }


MAY = [
    (mapping.may_change_this_dataset, "dataset", {OWNER, STAFF}),
    (mapping.may_change_this_area, "aoi", {OWNER, STAFF}),
    (mapping.may_change_this_label, "label", {OWNER, STAFF}),
    (mapping.may_train_on_this_dataset, "dataset", {OWNER, OTHER, STAFF}),
    (mapping.may_train_this_model, "model", {OWNER, STAFF}),
    (mapping.may_change_this_model, "model", {OWNER, STAFF}),
    (mapping.may_review_feedback_on_this_model, "model", {OWNER, STAFF}),
    (mapping.may_judge_trainings, "training", {OWNER, OTHER, STAFF}),
    (mapping.may_change_this_feedback, "feedback", {OWNER, STAFF}),
    (mapping.may_change_this_feedback_area, "feedback_aoi", {OWNER, STAFF}),
    (mapping.may_delete_this_feedback, "feedback", {OWNER, STAFF}),
    (mapping.may_cancel_this_training, "training", {OWNER, STAFF}),
    (mapping.may_publish_trainings_of_this_model, "model", {OWNER}),
    (mapping.may_change_this_prediction, "private prediction", {OWNER, STAFF}),
    (mapping.may_predict_with_this_training, "training", {OWNER, OTHER, STAFF}),
]


@pytest.mark.parametrize(("rule", "name", "allowed"), MAY, ids=lambda value: getattr(value, "__name__", None))
async def test_every_deed_is_done_by_whom_it_is_up_to(viewers, rows, rule, name, allowed):
    for who, viewer in viewers.items():
        if who in allowed:
            require(rule, viewer, rows[name])
        else:
            with pytest.raises(Unauthenticated if who == STRANGER else Forbidden):
                require(rule, viewer, rows[name])


def test_every_rule_is_in_the_list():
    rules = {name for name in vars(mapping) if name.startswith("may_")}
    assert rules == {rule.__name__ for rule, _, _ in MAY}


def test_a_refusal_says_what_may_not_be_done(viewers):
    with pytest.raises(Forbidden, match=r"^You may not train this model\.$"):
        require(mapping.may_train_this_model, viewers[OTHER], Model(user_id=viewers[OWNER].user_id))
