"""What a prediction found, as files: whole, filtered, and as other programs read them."""

from xml.etree import ElementTree as ET

import orjson
import pyogrio
import pytest
from shapely import Polygon, box
from shapely.geometry import shape

from app.geometry.shapes import to_geojson
from app.models.mapping.predictions import Conflation, PredictedFeature, Prediction, Verdict
from app.models.mapping.trainings import TrainingStatus
from app.policies import Viewer
from app.services.mapping.predictions import downloads
from app.services.mapping.predictions.downloads import FileFormat, Wanted, download_link, pieces
from app.settings import settings
from resolvers import ids
from tests import factories

COURT = Polygon(box(12, 46, 12.003, 46.003).exterior, [box(12.001, 46.001, 12.002, 46.002).exterior])
SHAPES = [COURT, *(box(12 + n / 100, 46, 12.001 + n / 100, 46.001) for n in range(1, 5))]
LINK = """query ($id: ID!, $format: FileFormat!, $verdict: Verdict, $conflation: [Conflation!], $points: Boolean!) {
    prediction(id: $id) { download(format: $format, verdict: $verdict, conflation: $conflation, points: $points) }
}"""


def geojson(shape):
    return orjson.loads(orjson.dumps(to_geojson(shape)))


@pytest.fixture
async def prediction(database, owner, monkeypatch):
    monkeypatch.setattr(downloads, "BATCH", 2)
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset))
    made = await factories.prediction(database, training, status=TrainingStatus.FINISHED, parts_done=1)
    said = [
        {"verdict": Verdict.ACCEPTED, "conflation": Conflation.NEW},
        {"verdict": Verdict.ACCEPTED, "conflation": Conflation.DUPLICATE},
        {"verdict": Verdict.REJECTED, "conflation": Conflation.NEW},
        {"conflation": Conflation.OVERLAP, "osm_share": 0.25},
        {},
    ]
    for geom, fields in zip(SHAPES, said, strict=True):
        await factories.feature(database, made, geom=geom, **fields)
    other = await factories.prediction(database, training)
    await factories.feature(database, other)
    return made


@pytest.fixture
def written(database, prediction):
    async def written(form, **wanted):
        return b"".join([piece async for piece in pieces(database.reading, Wanted(prediction.id, **wanted), form)])

    return written


@pytest.fixture
def linked(ask, api, owner, prediction):
    """What is found at the link that a client is given."""

    async def linked(form, **wanted):
        variables = {"id": ids.encode(prediction), "format": form, "points": False, **wanted}
        shown = await ask(LINK, viewer=owner, **variables)
        return await api.get(shown["prediction"]["download"])

    return linked


async def test_geojson_has_every_feature_with_all_that_is_said_of_it(written):
    features = orjson.loads(await written(FileFormat.GEOJSON))["features"]
    assert [each["geometry"] for each in features] == [geojson(geom) for geom in SHAPES]
    assert features[0]["properties"] == {
        "building": "yes",
        "source": "Fieldgraph",
        "confidence": 0.9,
        "area_m2": 86.0,
        "verdict": "ACCEPTED",
        "conflation": "NEW",
        "osm_share": None,
    }


async def test_flatgeobuf_is_read_by_gdal_with_its_index(written, tmp_path):
    (path := tmp_path / "some.fgb").write_bytes(await written(FileFormat.FLATGEOBUF))
    facts = pyogrio.read_info(path)
    assert (facts["features"], facts["crs"], facts["geometry_type"]) == (5, "EPSG:4326", "Polygon")
    assert {"building", "confidence", "verdict", "osm_share"} <= set(facts["fields"])
    assert len(pyogrio.raw.read(path, bbox=(12.035, 45, 12.045, 47))[2]) == 1


async def test_openstreetmap_is_told_of_buildings_and_of_nothing_else(written):
    file = ET.fromstring(await written(FileFormat.OSM_XML))
    [relation] = file.findall("relation")
    roles = sorted(member.get("role") for member in relation.findall("member"))
    assert roles == ["inner", "outer"]
    assert len(file.findall("way")) == len(SHAPES) + 1
    tagged = [*file.findall("way[tag]"), relation]
    assert len(tagged) == len(SHAPES)
    for element in tagged:
        said = {tag.get("k"): tag.get("v") for tag in element.findall("tag")}
        assert said.items() >= {"building": "yes", "source": "Fieldgraph"}.items()
        assert set(said) <= {"building", "source", "type"}


@pytest.mark.parametrize(
    ("wanted", "indices"),
    [
        ({"verdict": Verdict.ACCEPTED}, [0, 1]),
        ({"verdict": Verdict.REJECTED}, [2]),
        ({"conflation": (Conflation.NEW, Conflation.OVERLAP)}, [0, 2, 3]),
        ({"verdict": Verdict.ACCEPTED, "conflation": (Conflation.NEW,)}, [0]),
    ],
    ids=str,
)
async def test_only_what_is_wanted_is_written_whatever_the_format(written, tmp_path, wanted, indices):
    features = orjson.loads(await written(FileFormat.GEOJSON, **wanted))["features"]
    assert [each["geometry"] for each in features] == [geojson(SHAPES[index]) for index in indices]
    (path := tmp_path / "some.fgb").write_bytes(await written(FileFormat.FLATGEOBUF, **wanted))
    assert pyogrio.read_info(path)["features"] == len(indices)
    osm = ET.fromstring(await written(FileFormat.OSM_XML, **wanted))
    assert len(osm.findall("way[tag]")) + len(osm.findall("relation")) == len(indices)


async def test_points_lie_in_what_they_stand_for_even_around_a_courtyard(written, tmp_path):
    features = orjson.loads(await written(FileFormat.GEOJSON, points=True))["features"]
    points = [shape(each["geometry"]) for each in features]
    assert all(outline.contains(point) for outline, point in zip(SHAPES, points, strict=True))
    (path := tmp_path / "some.fgb").write_bytes(await written(FileFormat.FLATGEOBUF, points=True))
    assert pyogrio.read_info(path)["geometry_type"] == "Point"
    assert len(ET.fromstring(await written(FileFormat.OSM_XML, points=True)).findall("node[tag]")) == len(SHAPES)


async def test_a_link_gives_what_is_there_when_it_is_followed(linked, database, api, ask, owner, prediction):
    reply = await linked("GEOJSON", verdict="ACCEPTED")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/geo+json")
    assert reply.headers["content-disposition"] == f'attachment; filename="prediction-{prediction.id}.geojson"'
    assert reply.headers["cache-control"] == "no-store"
    assert len(reply.json()["features"]) == 2
    shown = await ask(LINK, viewer=owner, id=ids.encode(prediction), format="GEOJSON", verdict="ACCEPTED", points=False)
    async with database.writing() as session:
        for feature in await session.scalars(
            PredictedFeature.__table__.select().with_only_columns(PredictedFeature.id)
        ):
            (await session.get_one(PredictedFeature, feature)).verdict = None
    assert (await api.get(shown["prediction"]["download"])).json()["features"] == []


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("FLATGEOBUF", "application/flatgeobuf"), ("OSM_XML", "application/vnd.openstreetmap.data+xml")],
)
async def test_links_give_every_format(linked, form, media_type):
    reply = await linked(form, conflation=["NEW"], points=True)
    assert (reply.status_code, reply.headers["content-type"]) == (200, media_type)
    assert len(reply.content) > 100


async def test_where_nothing_fits_there_is_no_flatgeobuf(linked):
    reply = await linked("FLATGEOBUF", verdict="REJECTED", conflation=["DUPLICATE"])
    assert reply.status_code == 404
    assert reply.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_links_are_ours_and_end(api, prediction, monkeypatch):
    assert (await api.get("/features/made-up")).status_code == 403
    monkeypatch.setattr(settings, "file_link_s", -1)
    link = download_link(Viewer(prediction.user_id), Wanted(prediction.id), FileFormat.GEOJSON)
    assert (await api.get(link)).status_code == 410


async def test_whoever_does_not_see_a_prediction_is_given_no_link(ask, database, other, prediction):
    variables = {"id": ids.encode(prediction), "format": "GEOJSON", "points": False}
    assert (await ask(LINK, viewer=other, **variables)).codes == ["NOT_FOUND"]
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).published = True
    assert (await ask(LINK, viewer=other, **variables))["prediction"]["download"]


@pytest.mark.parametrize("who", ["stranger", "other"])
async def test_a_link_is_worth_nothing_once_its_holder_may_not_see_the_prediction(api, database, owner, other, who):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    training = await factories.training(database, model)
    prediction = await factories.prediction(database, training, published=True)
    holder = Viewer() if who == "stranger" else Viewer(other.id)
    links = {
        each: download_link(each, Wanted(prediction.id), FileFormat.GEOJSON) for each in (holder, Viewer(owner.id))
    }
    assert {(await api.get(link)).status_code for link in links.values()} == {200}
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).published = False
    assert [(await api.get(link)).status_code for link in links.values()] == [410, 200]
