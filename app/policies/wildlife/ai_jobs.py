"""Who may see and run AI classification jobs, indexes of frames, and calibrations."""

from sqlalchemy import ColumnElement, select, true

from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIJobOutcome, UserRemoteTask
from app.models.wildlife.calibrations import CalibrationResult, CalibrationSample
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.frames import FrameIndex, FrameObservation
from app.policies import AnyViewer, names_viewer, reads
from app.policies.wildlife.classifications import visible_classification_projects
from app.policies.wildlife.projects import is_member


@reads(AIClassificationJob)
def visible_ai_jobs(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible classification projects."""
    if viewer.is_staff:
        return true()
    seen = select(ClassificationProject.id).where(visible_classification_projects(viewer)).correlate(None)
    return AIClassificationJob.project_id.in_(seen)


@reads(AIJobBatch)
def visible_batches(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible jobs."""
    return AIJobBatch.ai_job_id.in_(select(AIClassificationJob.id).where(visible_ai_jobs(viewer)))


@reads(AIJobOutcome)
def visible_outcomes(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible jobs."""
    return AIJobOutcome.ai_job.has(visible_ai_jobs(viewer))


@reads(UserRemoteTask)
def visible_remote_tasks(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own, and those of visible jobs."""
    if viewer.is_staff:
        return true()
    of_jobs = select(AIClassificationJob.user_remote_task_id).where(visible_ai_jobs(viewer)).correlate(None)
    return names_viewer(viewer, UserRemoteTask.user_id) | UserRemoteTask.id.in_(of_jobs)


@reads(FrameIndex)
def visible_frame_indexes(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible classification projects."""
    return FrameIndex.project.has(visible_classification_projects(viewer))


@reads(FrameObservation)
def visible_frame_observations(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible indexes."""
    return FrameObservation.index.has(visible_frame_indexes(viewer))


def _of_members(viewer: AnyViewer) -> ColumnElement[bool]:
    return is_member(viewer, Deployment.research_project_id)


@reads(CalibrationSample)
def visible_calibration_samples(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members of the research project and staff."""
    return CalibrationSample.deployment.has(_of_members(viewer))


@reads(CalibrationResult)
def visible_calibration_results(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members of the research project and staff."""
    return CalibrationResult.deployment.has(_of_members(viewer))
