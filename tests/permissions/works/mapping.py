"""What each mutation of mapping is given: something of everybody's, fresh for each of them."""

from typing import Any

from app.database import Database
from app.geometry.shapes import to_geojson
from app.models.base import Record
from app.models.kinds.mapping import MappingJob
from app.models.mapping.imports import LabelFormat
from app.models.mapping.trainings import ModelStatus, TrainingStatus
from app.models.system import JobState
from app.services.mapping.labels.imports import LABELS, MEDIA_TYPES
from tests import factories
from tests.fixtures import Person
from tests.permissions.works.made import Works, uploaded
from tests.permissions.world import NOW

GEOM = to_geojson(factories.HOUSE)
AREA = to_geojson(factories.SQUARE)
DONE = {"status": TrainingStatus.FINISHED, "started_at": NOW, "finished_at": NOW}


async def make(database: Database, owner: Person, _other: Person, number: int) -> Works:
    """Something of everything that the owner maps."""
    rows: dict[str, Record] = {}
    rows["dataset"] = dataset = await factories.dataset(database, owner.id)
    rows["aoi"] = aoi = await factories.aoi(database, dataset)
    rows["label"] = await factories.label(database, aoi)
    rows["model"] = model = await factories.model(database, dataset, status=ModelStatus.PUBLISHED)
    rows["training"] = training = await factories.training(database, model, **DONE, accuracy=90.0)
    model.published_training_id = training.id
    await factories.artifact(database, training_id=training.id, storage_key=f"trainings/{number}/checkpoint")
    await _publish(database, model, training)
    job = await factories.job(database, kind=MappingJob.TRAIN, user_id=owner.id, state=JobState.QUEUED)
    waiting = {"status": TrainingStatus.SUBMITTED, "job_id": job.id}
    rows["waiting training"] = await factories.training(database, model, **waiting)
    rows["spare training"] = spare = await factories.training(database, model, **DONE)
    rows["prediction"] = prediction = await factories.prediction(database, training, **DONE, result_count=1)
    job = await factories.job(database, kind=MappingJob.PREDICT, user_id=owner.id, state=JobState.QUEUED)
    waiting = {"status": TrainingStatus.SUBMITTED, "job_id": job.id}
    rows["waiting prediction"] = await factories.prediction(database, training, **waiting)
    job = await factories.job(database, kind=MappingJob.PREDICT, user_id=owner.id, state=JobState.FAILED)
    failed = {"status": TrainingStatus.FAILED, "started_at": NOW, "finished_at": NOW, "job_id": job.id}
    rows["failed prediction"] = await factories.prediction(database, training, **failed)
    rows["spare dataset"] = await factories.dataset(database, owner.id)
    rows["spare model"] = await factories.model(database, dataset)
    rows["feature"] = await factories.feature(database, prediction)
    rows["feedback"] = await factories.feedback(database, training)
    rows["feedback aoi"] = feedback_aoi = await factories.feedback_aoi(database, training)
    rows["feedback label"] = await factories.feedback_label(database, feedback_aoi)
    rows["approved"] = await factories.approved_prediction(database, spare)
    return Works(rows, {"labels": await uploaded(database, owner, LABELS, MEDIA_TYPES[LabelFormat.GEOJSON])})


async def _publish(database: Database, model: Record, training: Record) -> None:
    async with database.writing() as session:
        await session.merge(model)
        await session.merge(training)


def inputs(made: Works) -> dict[str, dict[str, Any]]:
    """What the mutations of mapping are given, by their names."""
    dataset, aoi, training, prediction = (made.id(name) for name in ("dataset", "aoi", "training", "prediction"))
    collection = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": GEOM, "properties": {}}]}
    return {
        "createDataset": {"name": "Hamlet", "sourceImagery": "https://tiles.example.org/{z}/{x}/{y}.png"},
        "updateDataset": {"id": dataset, "name": "Hamlet"},
        "deleteDataset": {"id": made.id("spare dataset")},
        "createAoi": {"datasetId": dataset, "geom": AREA},
        "updateAoi": {"id": aoi, "geom": AREA},
        "deleteAoi": {"id": aoi},
        "createLabel": {"aoiId": aoi, "geom": GEOM},
        "updateLabel": {"id": made.id("label"), "tags": {"building": "yes"}},
        "deleteLabel": {"id": made.id("label")},
        "uploadLabels": {"aoiId": aoi, "geojson": collection},
        "fetchOsmLabels": {"aoiId": aoi},
        "createLabelUpload": {"format": "GEOJSON", "bytes": 10},
        "importLabels": {"aoiId": aoi, "upload": made.more["labels"]},
        "createModel": {"datasetId": dataset, "name": "Roofs", "baseModel": "RAMP"},
        "updateModel": {"id": made.id("model"), "name": "Roofs and more"},
        "deleteModel": {"id": made.id("spare model")},
        "deleteTraining": {"id": made.id("spare training")},
        "startTraining": {"modelId": made.id("spare model"), "zoomLevel": [19], "epochs": 1, "batchSize": 1},
        "cancelTraining": {"id": made.id("waiting training")},
        "publishTraining": {"id": training},
        "startPrediction": {"modelId": made.id("model"), "geom": GEOM, "zoomLevel": 19},
        "updatePrediction": {"id": prediction, "description": "Mine."},
        "sharePrediction": {"id": prediction},
        "publishPrediction": {"id": prediction},
        "unpublishPrediction": {"id": prediction},
        "retryPrediction": {"id": made.id("failed prediction")},
        "cancelPrediction": {"id": made.id("waiting prediction")},
        "deletePrediction": {"id": prediction},
        "conflatePrediction": {"id": prediction},
        "judgeFeatures": {"predictionId": prediction, "featureIds": [made.id("feature")], "verdict": "ACCEPTED"},
        "giveFeedback": {"trainingId": training, "geom": GEOM, "feedbackType": "FP", "zoomLevel": 19},
        "updateFeedback": {"id": made.id("feedback"), "comments": "A shadow."},
        "deleteFeedback": {"id": made.id("feedback")},
        "approvePrediction": {"trainingId": training, "geom": GEOM},
        "deleteApprovedPrediction": {"id": made.id("approved")},
        "createFeedbackAoi": {"trainingId": training, "geom": AREA},
        "updateFeedbackAoi": {"id": made.id("feedback aoi"), "geom": AREA},
        "deleteFeedbackAoi": {"id": made.id("feedback aoi")},
        "reviewFeedbackAoi": {"id": made.id("feedback aoi"), "review": "APPROVED"},
        "fetchFeedbackLabels": {"feedbackAoiId": made.id("feedback aoi")},
        "drawFeedbackLabel": {"feedbackAoiId": made.id("feedback aoi"), "geom": GEOM},
        "updateFeedbackLabel": {"id": made.id("feedback label"), "tags": {"building": "yes"}},
        "deleteFeedbackLabel": {"id": made.id("feedback label")},
        "copyFeedbackAoi": {"id": made.id("feedback aoi")},
        "startFeedbackTraining": {"trainingId": training, "epochs": 1, "batchSize": 1},
        "cloneDataset": {"id": dataset},
        "cloneModel": {"id": made.id("model")},
        "inspectDataset": {"datasetId": dataset, "zoomLevel": 19},
    }
