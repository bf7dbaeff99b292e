"""The detector on imagery of a real town, through the API with default settings; `make test-detector` runs it."""

import resource
from time import monotonic

import pytest
from shapely.geometry import mapping, shape
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from app.models.system import JobState
from app.settings import settings
from tests.mapping import sample
from tests.servers import serving

pytestmark = [pytest.mark.detector, pytest.mark.timeout(3_600)]
SEEDS = (0, 1, 2)
# Per side: IoU, F1. Both sides: the share of square corners.
GOALS = {"left": (0.78, 0.75), "right": (0.50, 0.40)}
SQUARE_MIN = 0.6
TRAINING_CPU_S_MAX = 250
FEATURES = """query ($id: ID!) { prediction(id: $id) { status failure config
    features(first: 500) { nodes { geom confidence } } } }"""
FIGURES = "query ($id: ID!) { training(id: $id) { status failure accuracy objectF1 suggestedConfidence } }"


@pytest.fixture(scope="module")
def tiles():
    sample.sides()
    with serving(Starlette(routes=[Mount("/", StaticFiles(directory=sample.FOLDER))])) as server:
        yield server


@pytest.fixture
def template(tiles, monkeypatch):
    monkeypatch.setattr(settings, "outside_hosts_allowed", [tiles.host])
    return f"{tiles.url}/{{z}}/{{x}}/{{y}}.png"


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def trained(ask, change, owner, work, template, side, seed) -> tuple[str, dict]:
    """A model of a side's ground with its training published, and the training's figures."""
    dataset = await change("createDataset", viewer=owner, name="Town", sourceImagery=template)
    area = sample.ground_of(side.learned)
    aoi = await change("createAoi", viewer=owner, datasetId=dataset["id"], geom=mapping(area))
    features = [
        {"type": "Feature", "properties": {}, "geometry": mapping(label)}
        for label in sample.labels()
        if label.intersects(area)
    ]
    collection = {"type": "FeatureCollection", "features": features}
    await change("uploadLabels", viewer=owner, aoiId=aoi["id"], geojson=collection)
    model = await change("createModel", viewer=owner, datasetId=dataset["id"], name="Roofs")
    started = await change("startTraining", viewer=owner, modelId=model["id"], zoomLevel=[sample.ZOOM], seed=seed)
    assert (await work()).state is JobState.DONE
    figures = (await ask(FIGURES, id=started["id"]))["training"]
    assert (figures["status"], figures["failure"]) == ("FINISHED", None)
    await change("publishTraining", viewer=owner, id=started["id"])
    return model["id"], figures


@pytest.mark.parametrize("name", GOALS)
@pytest.mark.parametrize("seed", SEEDS)
async def test_it_finds_the_roofs_of_ground_that_it_has_not_seen(ask, change, owner, work, template, name, seed):
    side = sample.sides()[name]
    began, cpu_s = monotonic(), children_cpu_s()
    model, figures = await trained(ask, change, owner, work, template, side, seed)
    wall_s, cpu_s = monotonic() - began, children_cpu_s() - cpu_s
    asked = {"modelId": model, "geom": mapping(side.ground), "zoomLevel": sample.ZOOM}
    started = await change("startPrediction", viewer=owner, **asked)
    assert (await work()).state is JobState.DONE
    prediction = (await ask(FEATURES, viewer=owner, id=started["id"]))["prediction"]
    assert prediction["config"]["confidence"] == figures["suggestedConfidence"]
    found = sample.judged([shape(feature["geom"]) for feature in prediction["features"]["nodes"]], side)
    print(f"\n{name} side, seed {seed}: {found}\n  {figures}\n  training: {wall_s:.0f} s, {cpu_s:.0f} CPU s")  # noqa: T201
    iou_min, f1_min = GOALS[name]
    assert found.iou >= iou_min
    assert found.f1 >= f1_min
    assert found.square >= SQUARE_MIN
    assert found.needles == 0
    assert cpu_s <= TRAINING_CPU_S_MAX
