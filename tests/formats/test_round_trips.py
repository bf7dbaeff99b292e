"""What leaves as a file is read by the programs it is for, with their defaults, and comes back the same."""

import json

import numpy as np
import orjson
import osmium
import pyogrio
import pytest
import shapely
from shapely import MultiPolygon, box

from app.formats import Feature, write_file
from app.formats.features.flatgeobuf_header import named
from app.formats.features.geojson import GeoJson
from app.formats.features.osm_xml import OsmXml
from app.formats.labels import label_files

COURTYARD = box(12.001, 46.001, 12.004, 46.004) - box(12.002, 46.002, 12.003, 46.003)
HOUSES = [
    Feature(box(12, 46, 12.0005, 46.0005), {"building": "yes", "name": "Ñ"}),
    Feature(box(12.0005, 46, 12.001, 46.0005), {"building": "hut"}),
    Feature(COURTYARD, {"building": "yes"}),
    Feature(MultiPolygon([box(12.005, 46, 12.006, 46.001), box(12.007, 46, 12.008, 46.001)]), {"building": "yes"}),
]
MACHINERY = {
    "osm_id": 5,
    "osm_type": "way",
    "changeset": 7,
    "timestamp": "2024",
    "version": 3,
    "user": "a",
    "uid": 1,
    "@id": "way/5",
    "tags": {"building": "yes", "roof:shape": "flat"},
}


@pytest.mark.parametrize("positive_ids", [False, True])
def test_osm_xml_has_tags_alone(tmp_path, positive_ids):
    write_file(path := tmp_path / "some.osm", OsmXml(positive_ids=positive_ids), [[Feature(COURTYARD, MACHINERY)]])
    [tags] = [dict(each.tags) for each in osmium.FileProcessor(str(path)) if each.is_relation()]
    assert tags == {"building": "yes", "roof:shape": "flat", "type": "multipolygon"}
    for word in ("changeset", 'k="tags"', "osm_id", "timestamp"):
        assert word not in path.read_text()


def test_gdal_reads_osm_xml_with_its_defaults(tmp_path):
    write_file(path := tmp_path / "some.osm", OsmXml(positive_ids=True), [HOUSES[:2], HOUSES[2:]])
    _, _, shapes, values = pyogrio.raw.read(path, layer="multipolygons", columns=["building"])
    assert sorted(values[0]) == ["hut", "yes", "yes", "yes"]
    ground = shapely.union_all(shapely.from_wkb(shapes))
    assert ground.symmetric_difference(shapely.union_all([each.geometry for each in HOUSES])).area < 1e-12


@pytest.mark.parametrize("positive_ids", [False, True])
def test_osm_xml_is_sorted_and_complete(tmp_path, positive_ids):
    write_file(path := tmp_path / "some.osm", OsmXml(positive_ids=positive_ids), [HOUSES])
    order, known = [], set()
    for each in osmium.FileProcessor(str(path)):
        kind = "nwr"[[each.is_node(), each.is_way(), each.is_relation()].index(True)]
        order.append(("nwr".index(kind), abs(each.id)))
        assert (each.id > 0) is positive_ids
        refs = [("n", node.ref) for node in each.nodes] if kind == "w" else []
        refs += [(member.type, member.ref) for member in each.members] if kind == "r" else []
        assert known.issuperset(refs)
        known.add((kind, each.id))
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("properties", "positive_ids", "is_for_upload"),
    [
        ({"building": "yes"}, False, True),
        ({"building": "yes", "osm_id": None}, False, True),
        ({"building": "yes"}, True, False),
        ({"building": "yes", "osm_id": 5, "osm_type": "way"}, False, False),
    ],
)
def test_what_would_do_harm_is_not_for_upload(tmp_path, properties, positive_ids, is_for_upload):
    features = [HOUSES[0], Feature(COURTYARD, properties)]
    write_file(path := tmp_path / "some.osm", OsmXml(positive_ids=positive_ids), [features])
    assert ('upload="never"' in path.read_text()) is not is_for_upload


@pytest.mark.parametrize("writer", [OsmXml, lambda: OsmXml(positive_ids=True), GeoJson])
def test_what_is_exported_is_imported_again(tmp_path, writer):
    path, passed = tmp_path / "some", tmp_path / "passed"
    write_file(path, made := writer(), [HOUSES])
    kind = "GEOJSON" if isinstance(made, GeoJson) else "OSM_XML"
    area = box(11.9, 45.9, 12.1, 46.1).wkb
    count, outside, skipped = label_files.sift(str(path), kind, {"building": []}, area, str(passed), True)
    assert (count, outside, skipped) == (4, 0, [])
    footprints = [each for batch in label_files.filter_footprints(passed) for each in batch]
    ground = shapely.union_all(shapely.from_wkb([each.wkb for each in footprints]))
    assert ground.symmetric_difference(shapely.union_all([each.geometry for each in HOUSES])).area < 1e-12
    tags = [orjson.loads(each.tags) for each in footprints]
    assert sorted(each["building"] for each in tags) == ["hut", "yes", "yes", "yes"]
    assert {"building": "yes", "name": "Ñ"} in tags


def gdal_made(path, driver, **options):
    shapes = shapely.to_wkb([each.geometry for each in HOUSES[:3]])
    values = [np.array(["yes", "hut", "yes"], dtype=object)]
    pyogrio.raw.write(
        path, shapes, values, ["building"], geometry_type="Polygon", crs="EPSG:4326", driver=driver, **options
    )


@pytest.mark.parametrize(
    ("driver", "suffix", "options"),
    [
        ("GeoJSON", "geojson", {}),
        ("GeoJSON", "geojson", {"RFC7946": "YES"}),
        ("GeoJSONSeq", "geojsonl", {}),
        ("GeoJSONSeq", "geojsons", {"RS": "YES"}),
    ],
)
def test_what_gdal_writes_is_imported(tmp_path, driver, suffix, options):
    path, passed = tmp_path / f"some.{suffix}", tmp_path / "passed"
    gdal_made(path, driver, **options)
    area = box(11.9, 45.9, 12.1, 46.1).wkb
    count, _, skipped = label_files.sift(str(path), "GEOJSON", {"building": []}, area, str(passed), True)
    assert (count, skipped) == (3, [])


@pytest.mark.parametrize("name", ["labels", "a", "a long name of a layer: ä"])
def test_a_flatgeobuf_header_gets_a_name(tmp_path, name):
    gdal_made(path := tmp_path / "other.fgb", "FlatGeobuf")
    content = path.read_bytes()
    changed = named(content, name)
    path.write_bytes(changed)
    assert pyogrio.list_layers(path)[0][0] == name
    facts = pyogrio.read_info(path)
    assert (facts["features"], facts["crs"], list(facts["fields"])) == (3, "EPSG:4326", ["building"])
    assert facts["capabilities"]["fast_spatial_filter"]
    assert sorted(pyogrio.raw.read(path)[3][0]) == ["hut", "yes", "yes"]
    assert len(pyogrio.raw.read(path, bbox=(12.002, 46.0035, 12.003, 46.0036))[2]) == 1
    assert all(named(content[:size], name) is None for size in (0, 5, 11, 12, 60))


def test_json_is_valid_for_others(tmp_path):
    write_file(path := tmp_path / "some.geojson", GeoJson(), [HOUSES])
    assert len(json.loads(path.read_text())["features"]) == 4
    assert pyogrio.read_info(path)["features"] == 4
