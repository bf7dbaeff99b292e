"""Calibration of distances at deployments."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app.models.wildlife.calibrations import CalibrationResult, CalibrationSample
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource
from app.policies import visible
from app.services.wildlife import calibration
from resolvers import ids
from resolvers.context import Info


@dataclass(frozen=True)
class CalibrationSampleRemoved:
    """A removed mark, so that clients can drop it from their caches."""

    deleted_id: strawberry.ID


def calibration_samples(info: Info, deployment_id: strawberry.ID) -> Select[CalibrationSample]:
    """Objects marked at known distances from the camera of a deployment.

    deployment_id: The deployment.
    """
    key = ids.key(deployment_id, Deployment)
    return visible(CalibrationSample, info.context.viewer).where(CalibrationSample.deployment_id == key)


def calibration_results(
    info: Info, deployment_id: strawberry.ID, is_active: bool | None = None
) -> Select[CalibrationResult]:
    """Functions from raw depth to metres that were fitted to samples of a deployment.

    deployment_id: The deployment.
    is_active: Only the active one, or only the others.
    """
    key = ids.key(deployment_id, Deployment)
    query = visible(CalibrationResult, info.context.viewer).where(CalibrationResult.deployment_id == key)
    return query if is_active is None else query.where(CalibrationResult.is_active.is_(is_active))


async def add_calibration_sample(
    info: Info,
    deployment_id: strawberry.ID,
    resource_id: strawberry.ID,
    bbox: list[float],
    distance: float,
    frame_index: int = 0,
    depth: float | None = None,
) -> CalibrationSample:
    """Marks an object of a medium at a known distance from the camera.

    deployment_id: The deployment.
    resource_id: A medium of the deployment.
    bbox: The box `[x, y, width, height]`, relative to the picture.
    distance: The distance from the camera in metres.
    frame_index: The frame that is marked; 0 for images.
    depth: The raw depth at the box, as a depth provider gives it. Only samples with one are fitted.
    """
    async with info.context.writing() as session:
        return await calibration.add_sample(
            session,
            info.context.viewer,
            deployment_id=ids.key(deployment_id, Deployment),
            resource_id=ids.key(resource_id, Resource),
            bbox=bbox,
            distance=distance,
            frame_index=frame_index,
            depth=depth,
        )


async def remove_calibration_sample(info: Info, id: strawberry.ID) -> CalibrationSampleRemoved:
    """Removes a mark. Results that were fitted with it stay.

    id: The sample.
    """
    async with info.context.writing() as session:
        await calibration.remove_sample(session, info.context.viewer, ids.key(id, CalibrationSample))
    return CalibrationSampleRemoved(id)


async def fit_calibration(info: Info, deployment_id: strawberry.ID) -> CalibrationResult:
    """Fits a line from raw depth to metres to the samples of a deployment, and makes it active.

    deployment_id: The deployment.
    """
    async with info.context.writing() as session:
        return await calibration.fit(session, info.context.viewer, ids.key(deployment_id, Deployment))
