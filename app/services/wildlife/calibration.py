"""Calibration of distances: people mark objects at known distances, and a line is fitted from raw depth to metres."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select, update

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.formats.frames import UnreadableFrames
from app.formats.frames.samples import box
from app.models.wildlife.calibrations import CalibrationResult, CalibrationSample
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import WORKERS, works_in_project

DISTANCE_M_MAX = 1_000
FRAME_MAX = 10_000_000
SAMPLES_MIN = 2
DEPTH_MAX = 1e9


async def add_sample(
    session: WriteSession,
    viewer: Viewer,
    *,
    deployment_id: int,
    resource_id: int,
    bbox: Sequence[float],
    distance: float,
    frame_index: int = 0,
    depth: float | None = None,
) -> CalibrationSample:
    """Marks an object of a medium of a deployment at a known distance."""
    deployment = await _deployment(session, viewer, deployment_id)
    seen = visible(Resource, viewer).where(Resource.id == resource_id, Resource.deployment_id == deployment.id)
    resource = await session.scalar(seen)
    if resource is None:
        raise Invalid("resourceId", "Choose a medium of this deployment.")
    try:
        marked = box(list(bbox))
    except UnreadableFrames as refused:
        raise Invalid("bbox", refused.message) from None
    checks.within("distance", distance, 0.01, DISTANCE_M_MAX)
    checks.within("frameIndex", frame_index, 0, FRAME_MAX)
    if depth is not None:
        checks.within("depth", depth, -DEPTH_MAX, DEPTH_MAX)
    sample = CalibrationSample(
        deployment_id=deployment.id,
        resource_id=resource.id,
        user_id=signed_in(viewer),
        bbox=list(marked),
        distance=distance,
        frame_index=frame_index,
        depth=depth,
    )
    session.add(sample)
    await session.flush()
    return sample


async def remove_sample(session: WriteSession, viewer: Viewer, sample_id: int) -> None:
    """Removes a mark. Results that were fitted with it stay."""
    sample = await session.scalar(visible(CalibrationSample, viewer).where(CalibrationSample.id == sample_id))
    if sample is None:
        raise NotFound("There is no such calibration sample.")
    await _deployment(session, viewer, sample.deployment_id)
    await session.delete(sample)
    await session.flush()


async def fit(session: WriteSession, viewer: Viewer, deployment_id: int) -> CalibrationResult:
    """Fits a line to the samples with a raw depth, and makes it the active result of the deployment."""
    deployment = await _deployment(session, viewer, deployment_id)
    rows = select(CalibrationSample.depth, CalibrationSample.distance).where(
        CalibrationSample.deployment_id == deployment.id, CalibrationSample.depth.is_not(None)
    )
    pairs = [(float(depth or 0), distance) for depth, distance in (await session.execute(rows)).all()]
    if len({depth for depth, _ in pairs}) < SAMPLES_MIN:
        raise Conflict(f"Mark at least {SAMPLES_MIN} objects at different depths first.")
    scale, offset, residual = fitted(pairs)
    active = CalibrationResult.deployment_id == deployment.id, CalibrationResult.is_active
    await session.execute(update(CalibrationResult).where(*active).values(is_active=False))
    result = CalibrationResult(
        deployment_id=deployment.id,
        user_id=signed_in(viewer),
        params={"scale": scale, "offset": offset},
        residual=residual,
        samples_count=len(pairs),
    )
    session.add(result)
    await session.flush()
    return result


def fitted(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Scale and offset of the line through (depth, metres) with the least squares, and its root mean square error."""
    depths, metres = (np.array(each, dtype=float) for each in zip(*pairs, strict=True))
    matrix = np.stack([depths, np.ones_like(depths)], axis=1)
    (scale, offset), *_ = np.linalg.lstsq(matrix, metres, rcond=None)
    residual = float(np.sqrt(np.mean((matrix @ np.array([scale, offset]) - metres) ** 2)))
    return round(float(scale), 9), round(float(offset), 9), round(residual, 6)


async def _deployment(session: WriteSession, viewer: Viewer, deployment_id: int) -> Deployment:
    signed_in(viewer)
    works = works_in_project(viewer, Deployment.research_project_id, WORKERS)
    query = visible(Deployment, viewer).where(Deployment.id == deployment_id).add_columns(works)
    row = (await session.execute(query.with_for_update(of=Deployment))).one_or_none()
    if row is None:
        raise NotFound("There is no such deployment.")
    deployment: Deployment = row[0]
    if not row[1]:
        raise Forbidden("Only members of the research project may calibrate its deployments.")
    return deployment
