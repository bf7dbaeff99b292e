"""Building a project's index of frames from its files."""

from app.errors import NotFound
from app.models.kinds.wildlife import WildlifeJob
from app.services.wildlife.frames import indexing, storing
from jobs.broker import job
from jobs.housekeeping import housekeeping
from jobs.run import JobRun

SAMPLES_MAX = 2_000_000

housekeeping("frames", storing.prune_frames)


@job(WildlifeJob.BUILD_FRAME_INDEX, failed=indexing.build_failed)
async def build_frame_index(run: JobRun) -> None:
    """Reads file after file; one that is gone is left out."""
    async with run.writing() as session:
        files = await indexing.begin(session, run.claim.subject_id)
    for file in files:
        run.go_on()
        try:
            content = await storing.read_frames(file.digest, samples_max=SAMPLES_MAX)
        except NotFound:
            continue
        async with run.writing() as session:
            await indexing.add(session, run.claim.subject_id, content)
    async with run.ending() as session:
        await indexing.finish(session, run.claim.subject_id, files)
