"""The detector on imagery of a real town, through the API with default settings; `make test-detector` runs it."""

import resource
from time import monotonic

import pytest
from shapely import union_all
from shapely.geometry import mapping, shape
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from app.gateways.fakes import village
from app.models.system import JobState
from app.settings import settings
from tests.mapping import sample
from tests.servers import serving

pytestmark = [pytest.mark.detector, pytest.mark.timeout(7_200)]
SEEDS = (0, 1, 2)
# Per side: IoU, F1. Both sides: the share of square corners.
GOALS = {"left": (0.78, 0.75), "right": (0.50, 0.40)}
SQUARE_MIN = 0.6
TRAINING_CPU_S_MAX = 250
IOU_SPREAD_MAX = 0.03
SQUARING_IOU_LOSS_MAX = 0.01
VILLAGE_IOU_MIN = 0.85
# What learning without labels, and learning from other ground, may cost.
IOU_LOSS_MAX = 0.02
PREDICTION = """query ($id: ID!) { prediction(id: $id) { status failure config
    features(first: 500) { nodes { geom } } artifacts(first: 10) { nodes { name link } } } }"""
TRAINING = "query ($id: ID!) { training(id: $id) { status failure accuracy objectF1 suggestedConfidence } }"


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


class Mapper:
    """Somebody who teaches a model the roofs of a town, and looks for roofs with it."""

    def __init__(self, ask, change, owner, work, template, zoom):
        self.ask, self.change, self.owner, self.work = ask, change, owner, work
        self.template, self.zoom = template, zoom

    async def draws(self, name, area, labels) -> str:
        """A model over a dataset of an area with its buildings."""
        dataset = await self.do("createDataset", name=name, sourceImagery=self.template)
        aoi = await self.do("createAoi", datasetId=dataset, geom=mapping(area))
        features = [{"type": "Feature", "properties": {}, "geometry": mapping(label)} for label in labels]
        collection = {"type": "FeatureCollection", "features": features}
        await self.change("uploadLabels", viewer=self.owner, aoiId=aoi, geojson=collection)
        return await self.do("createModel", datasetId=dataset, name=name)

    async def trains(self, mutation, **given) -> str:
        """A published training."""
        training = await self.do(mutation, zoomLevel=[self.zoom], **given)
        assert (await self.work()).state is JobState.DONE
        await self.do("publishTraining", id=training)
        return training

    async def corrects(self, training, area):
        """The training, with all buildings of an area drawn and approved."""
        corrected = await self.do("createFeedbackAoi", trainingId=training, geom=mapping(area))
        for label in labels_of(area):
            await self.do("drawFeedbackLabel", feedbackAoiId=corrected, geom=mapping(label))
        await self.do("reviewFeedbackAoi", id=corrected, review="APPROVED")

    async def searches(self, model, area, **given) -> dict:
        """A prediction with the default confidence."""
        prediction = await self.do("startPrediction", modelId=model, geom=mapping(area), zoomLevel=self.zoom, **given)
        assert (await self.work()).state is JobState.DONE
        return (await self.ask(PREDICTION, viewer=self.owner, id=prediction))["prediction"]

    async def figures(self, training) -> dict:
        shown = (await self.ask(TRAINING, id=training))["training"]
        assert (shown["status"], shown["failure"]) == ("FINISHED", None)
        return shown

    async def do(self, mutation, **given) -> str:
        return (await self.change(mutation, viewer=self.owner, **given))["id"]


@pytest.fixture
def mapper(ask, change, owner, work, template):
    return Mapper(ask, change, owner, work, template, sample.ZOOM)


def labels_of(area):
    return [label for label in sample.labels() if label.intersects(area)]


def outlines(prediction):
    return [shape(feature["geom"]) for feature in prediction["features"]["nodes"]]


@pytest.mark.parametrize("name", GOALS)
async def test_it_finds_the_roofs_of_ground_that_it_has_not_seen(mapper, name):
    side, every = sample.sides()[name], []
    learned = sample.ground_of(side.learned)
    for seed in SEEDS:
        model = await mapper.draws(f"Seed {seed}", learned, labels_of(learned))
        began, cpu_s = monotonic(), children_cpu_s()
        figures = await mapper.figures(await mapper.trains("startTraining", modelId=model, seed=seed))
        wall_s, cpu_s = monotonic() - began, children_cpu_s() - cpu_s
        prediction = await mapper.searches(model, side.ground)
        assert prediction["config"]["confidence"] == figures["suggestedConfidence"]
        found = sample.judged(outlines(prediction), side)
        as_seen = sample.judged(outlines(await mapper.searches(model, side.ground, orthogonalize=False)), side)
        tell(f"{name} side, seed {seed}: {found}\n  not squared: {as_seen}\n  {figures}")
        tell(f"  training: {wall_s:.0f} s, {cpu_s:.0f} CPU s")
        every.append((found, as_seen, cpu_s))
    iou_min, f1_min = GOALS[name]
    # All seeds are measured before one of them is judged.
    for found, as_seen, cpu_s in every:
        assert found.iou >= iou_min
        assert found.f1 >= f1_min
        assert found.square >= SQUARE_MIN
        assert found.needles == 0
        assert found.iou >= as_seen.iou - SQUARING_IOU_LOSS_MAX
        assert cpu_s <= TRAINING_CPU_S_MAX
    ious = [found.iou for found, _, _ in every]
    assert max(ious) - min(ious) < IOU_SPREAD_MAX


@pytest.mark.parametrize("name", GOALS)
async def test_it_adapts_and_keeps_what_corrections_taught_it(api, mapper, name):
    side = sample.sides()[name]
    learned = sample.ground_of(side.learned)
    model = await mapper.draws("Parent", learned, labels_of(learned))
    parent = await mapper.trains("startTraining", modelId=model, seed=SEEDS[0])
    before = await mapper.searches(model, side.ground, adapt=True)
    adapted = await downloaded(api, before, "adapted.geojson")
    plain, at_once = sample.judged(outlines(before), side), sample.judged(adapted, side)
    tell(f"{name} side: {plain}\n  adapted: {at_once}")
    corrected, unseen = sample.halves(side)
    await mapper.corrects(parent, corrected.ground)
    await mapper.trains("startFeedbackTraining", trainingId=parent)
    after = await mapper.searches(model, side.ground)
    was, gained, was_elsewhere, elsewhere = (
        sample.judged(outlines(found), half) for half in (corrected, unseen) for found in (before, after)
    )
    tell(f"  corrected: {was}\n   -> {gained}\n  never seen: {was_elsewhere}\n   -> {elsewhere}")
    assert at_once.iou >= plain.iou - IOU_LOSS_MAX
    assert gained.iou > was.iou
    assert gained.f1 > was.f1
    assert elsewhere.iou >= was_elsewhere.iou - IOU_LOSS_MAX


async def test_in_the_village_it_finds_nearly_every_house(ask, change, owner, work, outside):
    mapper = Mapper(ask, change, owner, work, f"{outside.url}/tiles/{{z}}/{{x}}/{{y}}.png", 19)
    taught, searched = village.TRAINING_AREAS[0], village.PREDICTION_AREA
    model = await mapper.draws("Village", taught, houses_of(taught))
    began, cpu_s = monotonic(), children_cpu_s()
    figures = await mapper.figures(await mapper.trains("startTraining", modelId=model))
    tell(f"village: {figures}\n  training: {monotonic() - began:.0f} s, {children_cpu_s() - cpu_s:.0f} CPU s")
    found, real = union_all(outlines(await mapper.searches(model, searched))), union_all(houses_of(searched))
    iou = (found & real & searched).area / ((found | real) & searched).area
    tell(f"  IoU {iou:.3f}")
    assert iou >= VILLAGE_IOU_MIN


def houses_of(area):
    return [house.geometry for house in village.footprints(area.bounds) if house.geometry.intersects(area)]


async def downloaded(api, prediction, name):
    [link] = [file["link"] for file in prediction["artifacts"]["nodes"] if file["name"] == name]
    return [shape(feature["geometry"]) for feature in (await api.get(link)).json()["features"]]


def tell(figures):
    print(f"\n{figures}")  # noqa: T201
