"""What we write is opened by the programs it is for, and says there what it said here."""

import gpxpy
import orjson
import osmium
import pyogrio
import pytest
import shapely
from shapely import GeometryCollection, LineString, MultiPoint, MultiPolygon, Point, Polygon, box
from sqlalchemy import select

from app.formats import Feature, write_file, written
from app.formats.features.flatgeobuf import flatgeobuf
from app.formats.features.geojson import GeoJson
from app.formats.features.gpx import gpx
from app.formats.features.osm_xml import OsmXml
from app.models.mapping.datasets import Label
from app.models.mapping.predictions import PredictedFeature, Prediction, Verdict
from tests import factories
from tests.mapping.shapes import circle

COURTYARD = box(1, 1, 4, 4) - box(2, 2, 3, 3)


class Read(osmium.SimpleHandler):
    """Everything in a file, as osmium reads it."""

    def __init__(self, path):
        super().__init__()
        self.nodes, self.ways, self.relations = {}, {}, {}
        self.apply_file(str(path))

    def node(self, node):
        self.nodes[node.id] = (round(node.location.lon, 7), round(node.location.lat, 7), dict(node.tags))

    def way(self, way):
        self.ways[way.id] = ([node.ref for node in way.nodes], dict(way.tags))

    def relation(self, relation):
        members = [(member.type, member.ref, member.role) for member in relation.members]
        self.relations[relation.id] = (members, dict(relation.tags))

    def ring(self, way):
        return [self.nodes[ref][:2] for ref in self.ways[way][0]]


@pytest.fixture
def as_osm(tmp_path):
    def write(*features):
        path = tmp_path / "some.osm"
        write_file(path, OsmXml(), [features[:1], features[1:]])
        return Read(path)

    return write


def test_vertices_in_one_place_are_one_node(as_osm):
    read = as_osm(Feature(box(0, 0, 1, 1), {"building": "yes"}), Feature(box(1, 0, 2, 1), {"building": "yes"}))
    assert len(read.nodes) == 6
    one, other = (refs for refs, _ in read.ways.values())
    assert (len(one), len(other)) == (5, 5)
    assert len(set(one) & set(other)) == 2
    assert all(refs[0] == refs[-1] for refs, _ in read.ways.values())
    assert all(id < 0 for id in [*read.nodes, *read.ways])


def test_tags_of_every_kind_become_texts(as_osm):
    said = {
        "name": 'A "house" & <home>\n',
        "confidence": 0.5,
        "levels": 3,
        "roof": True,
        "fence": False,
        "height": None,
        "sides": {"n": 1},
        "bad": "a\x00b",
        "long": "x" * 300,
        "": "nameless",
    }
    [(_, tags)] = as_osm(Feature(box(0, 0, 1, 1), said)).ways.values()
    assert tags == {
        "name": 'A "house" & <home>\n',
        "confidence": "0.5",
        "levels": "3",
        "roof": "yes",
        "fence": "no",
        "sides": '{"n":1}',
        "bad": "ab",
        "long": "x" * 255,
    }


def test_holes_and_parts_make_a_multipolygon(as_osm):
    read = as_osm(Feature(MultiPolygon([COURTYARD, box(5, 5, 6, 6)]), {"building": "yes"}))
    [(members, tags)] = read.relations.values()
    assert tags == {"building": "yes", "type": "multipolygon"}
    assert [(kind, role) for kind, _, role in members] == [("w", "outer"), ("w", "inner"), ("w", "outer")]
    assert all(not tags for _, tags in read.ways.values())
    outer, hole, second = (Polygon(read.ring(way)) for _, way, _ in members)
    assert MultiPolygon([outer - hole, second]).equals(MultiPolygon([COURTYARD, box(5, 5, 6, 6)]))


def test_a_ring_of_many_vertices_becomes_several_ways_end_to_end(as_osm):
    ring = shapely.geometry.shape(circle(4_500))
    read = as_osm(Feature(ring, {"natural": "water"}))
    [(members, _)] = read.relations.values()
    pieces = [read.ways[way][0] for _, way, _ in members]
    assert [len(piece) for piece in pieces] == [2_000, 2_000, 503]
    assert all(one[-1] == other[0] for one, other in zip(pieces, [*pieces[1:], pieces[0]], strict=True))


def test_points_and_lines_are_nodes_and_ways(as_osm):
    shapes = GeometryCollection([Point(7, 7), LineString([(7, 7), (8, 8)]), MultiPoint([(9, 9), (7, 7)])])
    read = as_osm(Feature(shapes, {"barrier": "gate"}), Feature(Polygon(), {"building": "yes"}))
    assert sorted(place for place in read.nodes.values() if place[2]) == [
        (7.0, 7.0, {"barrier": "gate"}),
        (7.0, 7.0, {"barrier": "gate"}),
        (9.0, 9.0, {"barrier": "gate"}),
    ]
    assert [len(refs) for refs, _ in read.ways.values()] == [2]


def test_the_ends_of_the_earth_and_what_is_narrower_than_a_centimetre(as_osm):
    sliver = Polygon([(0, 0), (1e-9, 0), (1e-9, 1e-9), (0, 0)])
    read = as_osm(Feature(box(-180, -85, 180, 85), {}), Feature(sliver, {"building": "yes"}))
    assert {place[:2] for place in read.nodes.values()} >= {(-180.0, -85.0), (180.0, 85.0)}
    assert len(read.ways) == 1


def test_a_file_without_features_is_whole(as_osm, tmp_path):
    assert as_osm().nodes == {}
    assert orjson.loads(b"".join(written(GeoJson(), []))) == {"type": "FeatureCollection", "features": []}


def test_geojson_says_what_was_written(tmp_path):
    path = tmp_path / "some.geojson"
    features = [Feature(box(n, 0, n + 1, 1), {"number": n}) for n in range(3)]
    write_file(path, GeoJson(), [features[:2], [], features[2:]])
    assert orjson.loads(path.read_bytes())["features"] == [
        {"type": "Feature", "geometry": orjson.loads(shapely.to_geojson(each.geometry)), "properties": each.properties}
        for each in features
    ]
    assert list(pyogrio.raw.read(path)[3][0]) == [0, 1, 2]


def test_gpx_follows_the_boundary_and_its_holes():
    file = gpxpy.parse(gpx(COURTYARD, name="Area 5"))
    [track] = file.tracks
    assert (file.name, track.name) == ("Area 5", "Area 5")
    rings = [[(point.longitude, point.latitude) for point in segment.points] for segment in track.segments]
    assert [Polygon(ring).area for ring in rings] == [9.0, 1.0]


async def whole_file(database, rows) -> bytes:
    return b"".join([piece async for piece in flatgeobuf(database.reading, rows, name="some")])


async def test_flatgeobuf_of_several_pieces_is_whole(database, owner, tmp_path, monkeypatch):
    aoi = await factories.aoi(database, await factories.dataset(database, owner.id))
    for _ in range(50):
        await factories.label(database, aoi, tags={"note": "x" * 100})
    rows = select(Label.geom, Label.tags).order_by(Label.id)
    whole = await whole_file(database, rows)
    monkeypatch.setattr("app.formats.features.flatgeobuf.PIECE_BYTES", 1_000)
    pieces = [piece async for piece in flatgeobuf(database.reading, rows, name="some")]
    assert len(pieces) > 5
    assert b"".join(pieces) == whole
    (path := tmp_path / "some.fgb").write_bytes(whole)
    assert pyogrio.read_info(path)["features"] == 50


async def test_flatgeobuf_has_its_columns_and_its_index(database, owner, tmp_path):
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset))
    prediction = await factories.prediction(database, training)
    for n in range(5):
        said = {"confidence": n / 10, "verdict": Verdict.ACCEPTED if n else None}
        await factories.feature(database, prediction, geom=box(n, 0, n + 1, 1), **said)
    said = (PredictedFeature.confidence, PredictedFeature.verdict, Prediction.config)
    rows = select(PredictedFeature.geom, *said).join(PredictedFeature.prediction)
    content = await whole_file(database, rows.order_by(PredictedFeature.id))
    nothing = await whole_file(database, rows.where(PredictedFeature.id < 0))
    (path := tmp_path / "some.fgb").write_bytes(content)
    facts = pyogrio.read_info(path)
    assert (facts["features"], facts["crs"], list(facts["fields"])) == (
        5,
        "EPSG:4326",
        ["confidence", "verdict", "config"],
    )
    assert facts["capabilities"]["fast_spatial_filter"]
    within = pyogrio.raw.read(path, bbox=(3.5, 0.5, 3.6, 0.6))
    assert [list(values) for values in within[3][:2]] == [[0.3], ["ACCEPTED"]]
    assert {orjson.loads(config)["zoom_level"] for config in pyogrio.raw.read(path)[3][2]} == {19}
    assert nothing == b""


async def test_flatgeobuf_keeps_texts_choices_and_objects(database, owner, tmp_path):
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset)
    await factories.label(database, aoi, osm_type="way", tags={"building": "yes"})
    await factories.label(database, aoi)
    rows = select(Label.geom, Label.origin, Label.osm_type, Label.tags).order_by(Label.id)
    content = await whole_file(database, rows)
    (path := tmp_path / "some.fgb").write_bytes(content)
    origins, types, tags = pyogrio.raw.read(path)[3]
    assert sorted(types) == ["", "way"]
    assert set(origins) == {"UPLOAD"}
    assert [orjson.loads(each) for each in tags if each] == [{"building": "yes"}]
