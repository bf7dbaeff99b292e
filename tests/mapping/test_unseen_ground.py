"""Ground without imagery is told: on the prediction, in its outline, and in the notification."""

from collections import Counter

import orjson
import pytest
import shapely
from PIL import Image
from shapely.geometry import box, shape
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from app.gateways import pacing, storage
from app.gateways.fakes import village
from app.geometry.shapes import to_geojson
from app.geometry.tiles import Tile, covering, outline
from app.models.mapping.trainings import Model, ModelStatus, Training, TrainingStatus
from app.models.system import JobState
from app.services.mapping.trainings import lifecycle
from app.services.mapping.trainings.progress import Unseen
from app.settings import settings
from jobs.mapping import predictions as jobs
from resolvers import ids
from tests import factories
from tests.servers import serving

WEST, SOUTH, EAST, NORTH = village.PREDICTION_AREA.bounds
AREA = box(WEST, SOUTH, WEST + (EAST - WEST) / 2, NORTH)
TILES = covering(AREA, 19)
SHOWN = "status failure resultCount tilesWithoutImagery groundWithoutImagery partsWithoutImagery parts"


class Imagery:
    """A tile server of the village that a test tells which tiles it has, and when."""

    def __init__(self):
        self.asked = Counter()
        self.empty, self.broken, self.late, self.wait_s = set(), set(), set(), "1"

    async def tile(self, request):
        tile = Tile(*(request.path_params[name] for name in ("z", "x", "y")))
        self.asked[tile] += 1
        if tile in self.late and self.asked[tile] == 1:
            return Response(status_code=429, headers={"Retry-After": self.wait_s})
        if tile in self.broken:
            return Response(status_code=404)
        return Response(status_code=204) if tile in self.empty else Response(village.tile_png(tile))


@pytest.fixture
def imagery(monkeypatch):
    pacing.forget_all()
    server = Imagery()
    with serving(Starlette(routes=[Route("/{z:int}/{x:int}/{y:int}.png", server.tile)])) as running:
        server.template = running.url + "/{z}/{x}/{y}.png"
        monkeypatch.setattr(settings, "outside_hosts_allowed", [running.host])
        yield server
    pacing.forget_all()


@pytest.fixture
def engine(monkeypatch):
    """One that finds a house in the middle of every tile that it is shown."""

    async def engine(_run, folder, _said, *, s_max):
        del s_max
        seen = [Tile(19, int(path.parent.name), int(path.stem)) for path in (folder / "tiles").glob("19/*/*.png")]
        for path in (folder / "tiles").glob("19/*/*.png"):
            with Image.open(path) as image:
                assert image.size == (256, 256)
        houses = [box(*tile.bounds).centroid.buffer(1e-5) for tile in seen]
        features = [
            {"type": "Feature", "geometry": to_geojson(house), "properties": {"confidence": 0.9, "area_m2": 5.0}}
            for house in houses
        ]
        (folder / "predictions.geojson").write_bytes(orjson.dumps({"features": features}))
        return {}

    monkeypatch.setattr(jobs, "run_engine", engine)


@pytest.fixture
async def predicted(ask, change, database, owner, imagery, engine, work, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)
    model = await factories.model(database, await factories.dataset(database, owner.id))
    training = await factories.training(
        database, model, status=TrainingStatus.FINISHED, accuracy=80.0, source_imagery=imagery.template
    )
    await factories.artifact(database, training_id=training.id)
    await storage.put("trainings/1/1/checkpoint.safetensors", b"weights")
    async with database.writing() as session:
        kept = await session.get_one(Model, model.id)
        kept.published_training_id, kept.status = training.id, ModelStatus.PUBLISHED

    async def predicted():
        asked = {"modelId": ids.encode(model), "geom": to_geojson(AREA), "zoomLevel": 19}
        made = await change("startPrediction", "tilesWithoutImagery", viewer=owner, **asked)
        assert made["tilesWithoutImagery"] is None
        while (await work()).state is JobState.QUEUED:
            pass
        answer = await ask(f"query ($id: ID!) {{ prediction(id: $id) {{ {SHOWN} }} }}", viewer=owner, id=made["id"])
        told = await ask("{ notifications(first: 1) { nodes { message } } }", viewer=owner)
        return answer["prediction"], told["notifications"]["nodes"][0]["message"]

    return predicted


async def test_a_server_that_asks_to_be_asked_later_gives_the_whole_ground(predicted, imagery):
    imagery.late = set(TILES[::5])
    prediction, message = await predicted()
    assert (prediction["status"], prediction["resultCount"]) == ("FINISHED", len(TILES))
    assert (prediction["tilesWithoutImagery"], prediction["groundWithoutImagery"]) == (0, None)
    assert "imagery" not in message


@pytest.mark.parametrize("kind", ["empty", "broken"])
async def test_what_was_not_seen_is_counted_outlined_and_told(predicted, imagery, kind):
    missing = TILES[:3]
    setattr(imagery, kind, set(missing))
    prediction, message = await predicted()
    assert prediction["status"] == "FINISHED"
    assert prediction["resultCount"] == len(TILES) - 3
    assert prediction["tilesWithoutImagery"] == 3
    expected = shapely.union_all([box(*tile.bounds) for tile in missing]) & AREA
    assert shape(prediction["groundWithoutImagery"]).symmetric_difference(expected).area < 1e-9
    assert message.endswith(f"{len(TILES) - 3} features were found. 3 tiles have no imagery: this ground was not seen.")


async def test_a_prediction_in_parts_counts_each_tile_once(predicted, imagery, monkeypatch):
    monkeypatch.setattr(settings, "prediction_part_tiles_max", 4)
    monkeypatch.setattr(settings, "job_progress_s", 0)
    missing = [tile for tile in TILES if tile.x == TILES[0].x]
    imagery.empty = set(missing)
    prediction, _ = await predicted()
    assert prediction["parts"] > 1
    assert prediction["tilesWithoutImagery"] == len(missing)
    expected = shapely.union_all([box(*tile.bounds) for tile in missing]) & AREA
    assert shape(prediction["groundWithoutImagery"]).symmetric_difference(expected).area < 1e-9


async def test_too_many_failures_end_the_prediction(predicted, imagery, monkeypatch):
    monkeypatch.setattr(settings, "imagery_missing_share_max", 0.1)
    imagery.broken = set(TILES[::3])
    prediction, message = await predicted()
    assert prediction["status"] == "FAILED"
    assert "answered 404" in prediction["failure"]
    assert prediction["failure"] in message


async def test_a_training_tells_what_it_did_not_see(ask, database, owner):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    training = await factories.training(database, model, status=TrainingStatus.RUNNING)
    figures = lifecycle.TrainingFigures(50.0, 0.5, 0.5, 0.5, 0.5, 0.5, 9, 50)
    async with database.writing() as session:
        unseen = Unseen.of(TILES[:1], AREA)
        await lifecycle.finish_training(session, training.id, figures, [], unseen=unseen)
    document = "query ($id: ID!) { training(id: $id) { tilesWithoutImagery groundWithoutImagery } }"
    answer = (await ask(document, id=ids.encode(Training(id=training.id))))["training"]
    assert answer["tilesWithoutImagery"] == 1
    expected = box(*TILES[0].bounds) & AREA
    assert shape(answer["groundWithoutImagery"]).symmetric_difference(expected).area < 1e-9
    told = await ask("{ notifications(first: 1) { nodes { message } } }", viewer=owner)
    assert told["notifications"]["nodes"][0]["message"].endswith(
        "accuracy of 50.0 %. 1 tile has no imagery: this ground was not seen."
    )


def test_an_outline_of_many_tiles_stays_small(monkeypatch):
    monkeypatch.setattr(settings, "vertices_max", 200)
    whole = box(12, 46, 12.05, 46.05)
    scattered = [tile for tile in covering(whole, 17) if (tile.x + tile.y) % 2]
    drawn = outline(scattered, whole)
    assert shapely.get_num_coordinates(drawn) <= 200
    assert drawn.buffer(1e-9).covers(shapely.union_all([box(*tile.bounds) for tile in scattered]) & whole)
    assert outline([], whole) is None
    assert outline([Tile(17, 0, 0)], whole) is None
    assert outline(covering(whole, 17), whole).equals(shapely.MultiPolygon([whole]))
