"""Inspecting datasets."""

import shapely

from app.geometry.tiles import Tile, covering, outline
from app.models.kinds.mapping import MappingJob
from app.models.mapping.inspections import Inspection
from app.services.mapping.datasets import quality
from app.services.mapping.trainings import progress
from app.settings import settings
from jobs.broker import job
from jobs.engine import run_engine
from jobs.folders import working_folder
from jobs.mapping.engine_files import features_of, fetch, reporter, write
from jobs.run import JobRun


@job(MappingJob.INSPECT, failed=quality.inspection_failed)
async def inspect(run: JobRun) -> None:
    """Fetches the tiles, lets the engine look, keeps what it saw."""
    inspection_id, topic = run.claim.subject_id, progress.topic_of(Inspection, run.claim.subject_id)
    async with run.writing() as session:
        plan = await quality.begin_inspection(session, inspection_id)
    with working_folder() as folder:
        write(folder / "aois.geojson", features_of([(aoi, {}) for _, aoi in plan.aois]))
        write(folder / "labels.geojson", features_of([(label, {}) for label in plan.labels]))
        offset_m = list(plan.offset_m)
        write(folder / "request.json", {"task": "inspect", "zoom_level": plan.zoom_level, "offset_m": offset_m})
        tiles = {tile for _, aoi in plan.aois for tile in covering(aoi, plan.zoom_level)}
        await fetch(run, topic, plan.source_imagery, sorted(tiles), folder, missing_share_max=1)
        whole = shapely.union_all([aoi for _, aoi in plan.aois])
        result = await run_engine(run, folder, reporter(run, topic), s_max=settings.inspection_s_max)
    ground = outline([Tile(*tile) for tile in result["without_imagery"]], whole)
    areas = [{"aoi_id": aoi_id, **area} for (aoi_id, _), area in zip(plan.aois, result["areas"], strict=True)]
    async with run.ending() as session:
        findings = {"offset": offset_m, "shift": result["shift"], "areas": areas}
        await quality.finish_inspection(session, inspection_id, findings, ground)
