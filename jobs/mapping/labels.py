"""Fetching labels."""

from app.gateways import osm
from app.models import JobKind
from app.services import mapping
from jobs.broker import job
from jobs.run import Run


@job(JobKind.FETCH_LABELS, failed=mapping.labelling_failed)
async def fetch_labels(run: Run) -> None:
    """Asks OpenStreetMap for an area's buildings and puts them in place of those it gave before."""
    async with run.database.reading() as reading:
        area = await mapping.area_to_label(reading, run.claim.subject_id)
    features = await osm.fetch_features(area)
    async with run.ending() as session:
        await mapping.replace_osm_labels(session, run.claim.subject_id, features)
