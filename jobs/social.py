"""Jobs of posts."""

from app.database import WriteSession
from app.models.kinds.social import SocialJob
from app.services.social.posts import pictures
from jobs.broker import job
from jobs.housekeeping import housekeeping
from jobs.run import JobRun


async def _left_behind(session: WriteSession, subject_id: int, reason: str) -> None:
    """The post is gone; the job says why the files of its picture were left."""


@job(SocialJob.REMOVE_PICTURE, failed=_left_behind)
async def remove_picture(run: JobRun) -> None:
    """Deletes the files of a picture that nothing shows any more."""
    await pictures.remove_picture(run.claim.subject_id)
    async with run.ending():
        pass


housekeeping("pictures", pictures.prune_pictures)
