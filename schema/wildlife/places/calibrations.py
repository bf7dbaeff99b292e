"""GraphQL types for the calibration of distances."""

import strawberry
from strawberry import auto

from app.models.wildlife import calibrations as tables
from resolvers.wildlife.places import calibrations as resolve
from schema.accounts import User
from schema.fields import Connection, connection, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Row, shows
from schema.wildlife.media.types import Resource
from schema.wildlife.places.types import Deployment


class CalibrationSample(Row, of=tables.CalibrationSample):
    bbox: auto
    distance: auto
    frame_index: auto
    depth: auto
    created_at: auto
    resource: Resource | None = one(tables.CalibrationSample.resource)
    deployment: Deployment | None = one(tables.CalibrationSample.deployment)
    user: User | None = one(tables.CalibrationSample.user)


class CalibrationResult(Row, of=tables.CalibrationResult):
    is_active: auto
    fitted_at: auto
    params: auto
    residual: auto
    samples_count: auto
    deployment: Deployment | None = one(tables.CalibrationResult.deployment)
    user: User | None = one(tables.CalibrationResult.user)


@shows(resolve.CalibrationSampleRemoved)
class CalibrationSampleRemoved:
    deleted_id: strawberry.ID = strawberry.field(description="The id of the removed sample.")


@strawberry.type
class CalibrationsQuery:
    calibration_samples: Connection[CalibrationSample] = connection(resolve.calibration_samples)
    calibration_results: Connection[CalibrationResult] = connection(resolve.calibration_results)


@strawberry.type
class CalibrationsMutation:
    add_calibration_sample: CalibrationSample | InvalidInput = mutation(resolve.add_calibration_sample)
    remove_calibration_sample: CalibrationSampleRemoved = mutation(resolve.remove_calibration_sample)
    fit_calibration: CalibrationResult | Conflict = mutation(resolve.fit_calibration)
