"""Distances: the seed's rule, marks at known distances, and a line that is fitted to them."""

import pytest

from app.formats.frames import FrameSample
from app.services.wildlife.ai_jobs.config import JobConfig
from app.services.wildlife.ai_jobs.interpreting import Calibration, distance_of, interpret
from app.services.wildlife.calibration import fitted
from app.services.wildlife.providers.categories import Mapping
from resolvers import ids
from tests.wildlife import factories

BOX = [0.1, 0.2, 0.3, 0.4]


@pytest.fixture
async def place(database, owner):
    """A deployment and one of its media."""
    project = await factories.project(database, owner.id)
    at = await factories.location(database, project)
    deployment = await factories.deployment(database, at)
    resource = await factories.resource(database, project, deployment_id=deployment.id)
    return project, deployment, resource


def marked(place, **fields):
    _, deployment, resource = place
    given = {"deploymentId": ids.encode(deployment), "resourceId": ids.encode(resource), "bbox": BOX}
    return {**given, "distance": 5.0, "depth": 0.5, **fields}


def samples(*distances):
    return [FrameSample(number, (0, 0, 1, 1), 0.9, distance) for number, distance in enumerate(distances)]


@pytest.mark.parametrize(
    ("distances", "fps", "expected"),
    [
        ([5, 6, 7, 100], 30, 6.0),
        ([5, 6, 7], 5, 6.0),
        ([5, 6, 7], 4.9, 5.0),
        ([5, 6, 7], None, 5.0),
        ([5, None, 7], 30, 6.0),
        ([5, 6], 30, 5.5),
        ([None, None, None, 4], 30, None),
        ([None], None, None),
    ],
)
def test_a_distance_is_that_of_the_first_occurrence(distances, fps, expected):
    assert distance_of(samples(*distances), fps) == expected


def test_a_line_is_fitted():
    assert fitted([(1, 3), (2, 5), (3, 7)]) == (2.0, 1.0, 0.0)
    scale, offset, residual = fitted([(0, 0), (1, 1), (2, 4)])
    assert (scale, round(offset, 6), round(residual, 6)) == (2.0, -0.333333, 0.471405)


def test_raw_depths_become_metres_by_the_calibration_and_never_negative_ones():
    detection = {
        "label": "animal",
        "track_id": None,
        "sample": [0, BOX, 0.9, None, None, False],
        "depth": 2.0,
        "attributes": {},
    }
    result = {"detections": [detection]}
    [found] = interpret(result, Mapping({}, {}), JobConfig(), Calibration(2.0, 1.0))
    assert found.observation.distance == 5.0
    [found] = interpret(result, Mapping({}, {}), JobConfig(), Calibration(-9.0, 1.0))
    assert found.observation.distance == 0.0
    [found] = interpret(result, Mapping({}, {}), JobConfig())
    assert found.observation.distance is None


async def test_marks_are_fitted_and_one_result_is_active(ask, change, owner, place):
    _, deployment, _ = place
    for depth, distance in ((1.0, 3.0), (2.0, 5.0), (3.0, 7.0)):
        await change("addCalibrationSample", viewer=owner, **marked(place, depth=depth, distance=distance))
    id = ids.encode(deployment)
    fit = await change("fitCalibration", "params residual samplesCount isActive", viewer=owner, deploymentId=id)
    assert (fit["params"], fit["residual"], fit["samplesCount"]) == ({"scale": 2.0, "offset": 1.0}, 0.0, 3)
    await change("fitCalibration", viewer=owner, deploymentId=id)
    document = "query ($id: ID!) { calibrationResults(deploymentId: $id, orderBy: OLDEST) { nodes { isActive } } }"
    seen = await ask(document, viewer=owner, id=id)
    assert seen["calibrationResults"]["nodes"] == [{"isActive": False}, {"isActive": True}]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"bbox": [0.9, 0.1, 0.2, 0.2]}, "bbox"),
        ({"bbox": [0.1, 0.1, 0.0, 0.2]}, "bbox"),
        ({"bbox": [0.1]}, "bbox"),
        ({"distance": 0}, "distance"),
        ({"distance": 1_001}, "distance"),
        ({"frameIndex": -1}, "frameIndex"),
        ({"depth": 1e12}, "depth"),
    ],
)
async def test_a_mark_out_of_bounds_is_refused(refuse, owner, place, fields, field):
    refused = await refuse("addCalibrationSample", viewer=owner, **marked(place, **fields))
    assert refused["field"] == field


async def test_a_medium_of_another_deployment_is_refused(refuse, database, owner, place):
    project, *_ = place
    elsewhere = await factories.resource(database, project, "OTHER.JPG")
    refused = await refuse("addCalibrationSample", viewer=owner, **marked(place, resourceId=ids.encode(elsewhere)))
    assert refused["field"] == "resourceId"


async def test_two_depths_are_needed(change, refuse, owner, place):
    _, deployment, _ = place
    for _ in range(2):
        await change("addCalibrationSample", viewer=owner, **marked(place))
    refused = await refuse("fitCalibration", viewer=owner, deploymentId=ids.encode(deployment))
    assert refused["code"] == "CONFLICT"


async def test_calibrations_are_for_members(ask, change, refuse, owner, other, place):
    _, deployment, _ = place
    made = await change("addCalibrationSample", viewer=owner, **marked(place))
    assert (await refuse("addCalibrationSample", viewer=other, **marked(place)))["code"] == "NOT_FOUND"
    assert (await refuse("removeCalibrationSample", viewer=other, id=made["id"]))["code"] == "NOT_FOUND"
    document = "query ($id: ID!) { calibrationSamples(deploymentId: $id) { totalCount } }"
    assert (await ask(document, viewer=other, id=ids.encode(deployment)))["calibrationSamples"]["totalCount"] == 0
    removed = await change("removeCalibrationSample", "deletedId", viewer=owner, id=made["id"])
    assert removed["deletedId"] == made["id"]
