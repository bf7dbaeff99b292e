"""One row of everything about AI jobs, frames and calibration, for tests that ask for all types."""

from typing import Any

from sqlalchemy import select

from app.database import Database
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobOutcome, AIOutcome, UserRemoteTask
from app.models.wildlife.calibrations import CalibrationResult, CalibrationSample
from app.models.wildlife.frames import FrameIndex, FrameObservation
from app.models.wildlife.observations import ClassificationDynamicAttrs
from tests.factories import add
from tests.wildlife import factories


async def everything(database: Database, owner_id: int, at: Any) -> dict[str, Any]:
    """The rows by their names, of a season of `classifying`."""
    provider = await factories.ai_provider(database, user_id=owner_id, name="Elsewhere")
    task = await add(database, UserRemoteTask(user_id=owner_id, progress=0.5))
    given = {"user_id": owner_id, "ai_provider_id": provider.id, "project_id": at.project.id}
    job = await add(
        database, AIClassificationJob(**given, user_remote_task_id=task.id, collection_id=at.link.id, total_count=1)
    )
    medium = at.resources[0]
    outcome = await add(database, AIJobOutcome(ai_job_id=job.id, resource_id=medium.id, outcome=AIOutcome.OK))
    index = await add(database, FrameIndex(project_id=at.project.id))
    async with database.reading() as session:
        attrs = await session.scalar(select(ClassificationDynamicAttrs).limit(1))
    rows = {"AI job": job, "task": task, "outcome": outcome, "index": index}
    if attrs is not None:
        moment = {"frame_index_id": index.id, "classification_attrs_id": attrs.id, "frame": 3}
        rows["moment"] = await add(database, FrameObservation(**moment, bbox=[0.0, 0.1, 0.2, 0.3]))
    if medium.deployment_id is not None:
        marked = {"deployment_id": medium.deployment_id, "resource_id": medium.id, "user_id": owner_id}
        rows["mark"] = await add(database, CalibrationSample(**marked, bbox=[0.0, 0.1, 0.2, 0.3], distance=5.0))
        fitted = {"deployment_id": medium.deployment_id, "user_id": owner_id, "residual": 0.5, "samples_count": 2}
        rows["fit"] = await add(database, CalibrationResult(**fitted, params={"scale": 2.0, "offset": 1.0}))
    return rows
