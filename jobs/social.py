"""What happens later to what people say."""

from app.database import WriteSession
from app.models.kinds.social import SocialJob
from app.services.social.posts import pictures
from jobs.broker import job
from jobs.run import Run


async def _left_behind(session: WriteSession, subject_id: int, reason: str) -> None:
    """Where the picture was shown is gone; the job says why its files were left."""


@job(SocialJob.REMOVE_PICTURE, failed=_left_behind)
async def remove_picture(run: Run) -> None:
    """Deletes the files of a picture that nothing shows any more."""
    await pictures.remove_picture(run.claim.subject_id)
    async with run.ending():
        pass
