"""Adapting a prediction to its ground: asked for, told beside the plain result, and gone when it starts over."""

import orjson
import pytest
from sqlalchemy import update

from app.gateways import storage
from app.gateways.fakes import village
from app.geometry.shapes import to_geojson
from app.models.mapping.trainings import BaseModel, Model, ModelStatus, TrainingStatus
from app.models.system import JobState
from app.settings import settings
from jobs.mapping import predictions as jobs
from resolvers import ids
from tests import factories

HOUSES = village.footprints(village.PREDICTION_AREA.bounds)
SHOWN = """status resultCount adaptation { features plainFeatures agreement }
    artifacts(orderBy: OLDEST) { nodes { name link } }"""


@pytest.fixture
async def asked(database, owner, outside):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    template = f"{outside.url}/tiles/{{z}}/{{x}}/{{y}}.png"
    made = await factories.training(
        database, model, status=TrainingStatus.FINISHED, accuracy=80.0, source_imagery=template
    )
    await factories.artifact(database, training_id=made.id)
    await storage.put("trainings/1/1/checkpoint.safetensors", b"weights")
    async with database.writing() as session:
        kept = await session.get_one(Model, model.id)
        kept.published_training_id, kept.status = made.id, ModelStatus.PUBLISHED
    return {"modelId": ids.encode(model), "geom": to_geojson(village.PREDICTION_AREA.buffer(-0.0004)), "zoomLevel": 19}


@pytest.fixture
def requests(monkeypatch):
    """What the engine was asked; it finds one house, and two after adapting."""
    seen = []

    async def engine(_run, folder, _said, *, s_max):
        del s_max
        seen.append(orjson.loads((folder / "request.json").read_bytes()))
        features = [
            {
                "type": "Feature",
                "geometry": to_geojson(house.geometry),
                "properties": {"confidence": 0.9, "area_m2": 50.0},
            }
            for house in HOUSES[:2]
        ]
        (folder / "predictions.geojson").write_bytes(orjson.dumps({"features": features[:1]}))
        if not seen[-1]["adapt"]:
            return {"count": 1}
        (folder / "adapted.geojson").write_bytes(orjson.dumps({"features": features}))
        return {"count": 1, "adaptation": {"features": 2, "plain_features": 1, "agreement": 0.5}}

    monkeypatch.setattr(jobs, "run_engine", engine)
    return seen


async def shown(ask, owner, id):
    document = f"query ($id: ID!) {{ prediction(id: $id) {{ {SHOWN} }} }}"
    return (await ask(document, viewer=owner, id=id))["prediction"]


async def test_the_plain_result_stays_and_what_adapting_changes_is_told_beside_it(
    api, ask, change, owner, asked, requests, work
):
    started = await change("startPrediction", "adaptation { features }", viewer=owner, **asked, adapt=True)
    assert started["adaptation"] is None
    assert (await work()).state is JobState.DONE
    prediction = await shown(ask, owner, started["id"])
    assert (prediction["status"], prediction["resultCount"]) == ("FINISHED", 1)
    assert prediction["adaptation"] == {"features": 2, "plainFeatures": 1, "agreement": 0.5}
    files = {file["name"]: file["link"] for file in prediction["artifacts"]["nodes"]}
    assert set(files) == {"adapted.geojson", "predictions.geojson", "predictions.fgb", "predictions.osm"}
    assert len(orjson.loads((await api.get(files["adapted.geojson"])).content)["features"]) == 2


async def test_one_that_starts_over_has_it_once(ask, change, owner, asked, requests, work):
    started = await change("startPrediction", viewer=owner, **asked, adapt=True)
    await work()
    await change("retryPrediction", viewer=owner, id=started["id"])
    await work()
    prediction = await shown(ask, owner, started["id"])
    assert [request["adapt"] for request in requests] == [True, True]
    assert [file["name"] for file in prediction["artifacts"]["nodes"]].count("adapted.geojson") == 1


async def test_nobody_adapts_unasked(ask, change, owner, asked, requests, work):
    started = await change("startPrediction", viewer=owner, **asked)
    await work()
    assert requests[0]["adapt"] is False
    prediction = await shown(ask, owner, started["id"])
    assert prediction["adaptation"] is None
    assert "adapted.geojson" not in {file["name"] for file in prediction["artifacts"]["nodes"]}


async def test_only_ramp_adapts_and_only_to_what_is_searched_at_once(ask, refuse, database, owner, asked, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(settings, "prediction_part_tiles_max", 1)
        refused = await refuse("startPrediction", viewer=owner, **asked, adapt=True)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "adapt")
    assert "Draw a smaller area." in refused["message"]
    async with database.writing() as session:
        await session.execute(update(Model).values(base_model=BaseModel.YOLO_V8_V1))
    refused = await refuse("startPrediction", viewer=owner, **asked, adapt=True)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "adapt")
    answer = await ask("{ predictions { totalCount } }", viewer=owner)
    assert answer["predictions"]["totalCount"] == 0
