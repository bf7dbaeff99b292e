"""Clocks of cameras that were wrong: the correction is added to what they wrote, and can be taken back."""

from sqlalchemy import func

from app import checks
from app.database import WriteSession
from app.errors import Invalid
from app.limits.texts import NOTE_LENGTH_MAX
from app.limits.wildlife import CLOCK_CORRECTION_S_MAX
from app.models.wildlife.deployments import Deployment
from app.policies import Viewer, signed_in
from app.services.system import audit
from app.services.wildlife.media import timing
from app.services.wildlife.places.deployments import deployment_to_change


async def set_clock_correction(
    session: WriteSession, viewer: Viewer, deployment_id: int, *, seconds: int, note: str | None
) -> Deployment:
    """Corrects the times of all media of a deployment; what the camera wrote stays as it is."""
    checks.within("seconds", seconds, -CLOCK_CORRECTION_S_MAX, CLOCK_CORRECTION_S_MAX)
    if seconds == 0:
        raise Invalid("seconds", "A correction of 0 seconds changes nothing. Use `clearClockCorrection` instead.")
    return await _correct(session, viewer, deployment_id, seconds, note)


async def clear_clock_correction(session: WriteSession, viewer: Viewer, deployment_id: int) -> Deployment:
    """Takes a correction back: all media have the times that the camera wrote."""
    return await _correct(session, viewer, deployment_id, 0, None)


async def _correct(
    session: WriteSession, viewer: Viewer, deployment_id: int, seconds: int, note: str | None
) -> Deployment:
    deployment = await deployment_to_change(session, viewer, deployment_id)
    before, deployment.clock_correction_s = deployment.clock_correction_s, seconds
    deployment.clock_correction_note = checks.optional_text("note", note, length_max=NOTE_LENGTH_MAX)
    deployment.clock_corrected_at = func.now() if seconds else None
    deployment.clock_corrected_by_id = signed_in(viewer) if seconds else None
    await session.flush()
    await timing.settle(session, deployment.id)
    audit.record(
        session, signed_in(viewer), "setClockCorrection", about=deployment, seconds=seconds, seconds_before=before
    )
    await session.refresh(deployment)
    return deployment
