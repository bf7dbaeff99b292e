"""Files of labels as people have them: what is good is taken, the rest is counted and named."""

import bz2
import codecs
import gzip
import json

import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from app.errors import Invalid
from app.formats.labels import label_files
from tests.formats.sifted import AREA, BUILDINGS, square
from tests.fuzz import examples


def feature(number=0, properties=None, **more):
    geometry = json.loads(shapely.to_geojson(square(number)))
    return {"type": "Feature", "properties": properties or {"building": "yes"}, "geometry": geometry, **more}


def collection(*features, **more):
    return {"type": "FeatureCollection", "features": list(features), **more}


ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16, small end first": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end, without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "bzip2": lambda text: bz2.compress(text.encode()),
    "gzip of UTF-16": lambda text: gzip.compress(text.encode("utf-16")),
}
FEATURES = [feature(number, {"building": "yes", "name": "Ñandú 🏠"}) for number in range(3)]
SHAPES_OF_FILES = {
    "a collection": json.dumps(collection(*FEATURES), ensure_ascii=False),
    "a collection in many lines": json.dumps(collection(*FEATURES), ensure_ascii=False, indent=2),
    "the type last": json.dumps({"features": FEATURES, "type": "FeatureCollection"}, ensure_ascii=False),
    "a feature a line": "\n".join(json.dumps(each, ensure_ascii=False) for each in FEATURES),
    "lines of Windows": "\r\n".join(json.dumps(each, ensure_ascii=False) for each in FEATURES) + "\r\n",
    "a text sequence": "".join(f"\x1e{json.dumps(each, ensure_ascii=False)}\n" for each in FEATURES),
    "a sequence of long texts": "".join(f"\x1e{json.dumps(each, ensure_ascii=False, indent=1)}\n" for each in FEATURES),
    "features one after another": " ".join(json.dumps(each, ensure_ascii=False) for each in FEATURES),
    "collections one after another": "\n".join(json.dumps(collection(each), ensure_ascii=False) for each in FEATURES),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("shape", SHAPES_OF_FILES)
def test_geojson_is_read_however_it_is_written(sift, encoding, shape):
    footprints, outside, skipped = sift(ENCODINGS[encoding](SHAPES_OF_FILES[shape]))
    assert (len(footprints), outside, skipped) == (3, 0, {})
    assert all(orjson.loads(each.tags)["name"] == "Ñandú 🏠" for each in footprints)


@pytest.mark.parametrize("value", [feature(), feature()["geometry"]])
def test_a_single_feature_is_a_file(sift, value):
    [footprint], _, skipped = sift(value)
    assert shapely.from_wkb(footprint.wkb).equals(square(0))
    assert not skipped


def geometry(kind, **parts):
    return {"type": "Feature", "properties": {}, "geometry": {"type": kind, **parts}}


BAD = {
    "NO_GEOMETRY": [
        {"type": "Feature", "properties": {}, "geometry": None},
        {"type": "Feature", "properties": {}},
        geometry("Polygon", coordinates=[]),
        geometry("MultiPolygon", coordinates=[]),
        geometry("GeometryCollection", geometries=[]),
    ],
    "NOT_A_POLYGON": [
        geometry("Point", coordinates=[12.001, 46.001]),
        geometry("MultiPoint", coordinates=[[12.001, 46.001]]),
        geometry("LineString", coordinates=[[12.001, 46.001], [12.002, 46.001]]),
        geometry("MultiLineString", coordinates=[[[12.001, 46.001], [12.002, 46.001]]]),
        geometry("GeometryCollection", geometries=[{"type": "Point", "coordinates": [12.001, 46.001]}]),
    ],
    "INVALID_GEOMETRY": [
        geometry("Polygon", coordinates=[[[12.001, 46.001], [12.002, 46.001]]]),
        geometry("Polygon", coordinates=[["a", "b"]]),
        geometry("Polygon"),
        geometry("Circle", coordinates=[12.001, 46.001]),
        geometry("Polygon", coordinates=[[[12.001, 46.001], [12.002, 46.002], [12.001, 46.001], [12.001, 46.001]]]),
    ],
    "OUT_OF_BOUNDS": [
        geometry("Polygon", coordinates=[[[46.001, 88.1], [46.002, 88.1], [46.002, 88.2], [46.001, 88.1]]]),
        geometry("Polygon", coordinates=[[[3e6, 5e6], [3.1e6, 5e6], [3.1e6, 5.1e6], [3e6, 5e6]]]),
    ],
    "TOO_LARGE": [feature(5, {"note": "x" * 2_000_000}) | {"properties": {"a": ["x" * 60_000] * 30}}],
    "NOT_A_FEATURE": [5, "a", None, [], {}, {"type": "feature"}, {"geometry": feature()["geometry"]}],
    "INVALID_PROPERTIES": [feature(6) | {"properties": [1]}, feature(7, {"name": "a\x00b"})],
    "ABSENT": [feature(8, {"building": "no"}), feature(9, {"building": False}), feature(10, {"building": " No "})],
    "DUPLICATE": [feature(0), feature(0, {"building": "yes", "fid": 7}), feature(0, id=12)],
}


@pytest.mark.parametrize("reason", BAD)
def test_what_cannot_be_used_is_counted_and_named(sift, reason):
    bad = BAD[reason]
    footprints, _, skipped = sift(collection(feature(0), *bad, feature(1)))
    assert len(footprints) == 2
    assert skipped == {reason: (len(bad), [f"features.{number}" for number in range(1, 6)][: len(bad)])}
    if reason != "DUPLICATE":
        with pytest.raises(Invalid) as refused:
            sift(collection(*bad))
        assert refused.value.field.removesuffix(".properties") == "file.features.0"
    with pytest.raises(Invalid) as refused:
        sift(collection(feature(0), *bad, feature(1)), strict=True)
    assert refused.value.field.removesuffix(".properties") == "file.features.1"
    for python in ("b'", "{'", "None", "Error", "float(", "[["):
        assert python not in refused.value.message


@settings(**examples(30))
@given(st.lists(st.sampled_from([each for bad in BAD.values() for each in bad][:20]), max_size=6), st.integers(1, 4))
def test_good_features_are_taken_among_any_others(tmp_path_factory, bad, good):
    folder = tmp_path_factory.mktemp("sift")
    features = [feature(number + 20) for number in range(good)] + bad
    (folder / "labels").write_bytes(orjson.dumps(collection(*features)))
    arguments = str(folder / "labels"), "GEOJSON", BUILDINGS, AREA.wkb, str(folder / "passed")
    count, _, skipped = label_files.sift(*arguments)
    assert count + sum(each["count"] for each in skipped) == len(features)
    assert count == good


def test_a_broken_line_is_no_reason_to_refuse_the_others(sift):
    lines = [json.dumps(feature(0)), '{"type": "Feature", "geom', json.dumps(feature(1)), "NaN"]
    footprints, _, skipped = sift("\n".join(lines).encode())
    assert len(footprints) == 2
    assert skipped == {"NOT_A_FEATURE": (2, ["line 2", "line 4"])}


def test_a_collection_of_geometries_is_a_label_of_its_polygons(sift):
    parts = [json.loads(shapely.to_geojson(each)) for each in (square(0), square(0).centroid, square(3))]
    nested = {"type": "GeometryCollection", "geometries": [parts[2]]}
    [footprint], _, skipped = sift(collection(geometry("GeometryCollection", geometries=[*parts[:2], nested])))
    assert shapely.from_wkb(footprint.wkb).equals(MultiPolygon([square(0), square(3)]))
    assert not skipped


IDENTITIES = [
    ({"id": "way/123"}, {}, ("way", 123)),
    ({"id": "relation/9"}, {}, ("relation", 9)),
    ({"id": "w123"}, {}, ("way", 123)),
    ({"id": "a246"}, {}, ("way", 123)),
    ({"id": "a247"}, {}, ("relation", 123)),
    ({"id": "https://www.openstreetmap.org/way/123"}, {}, ("way", 123)),
    ({}, {"@id": "way/123"}, ("way", 123)),
    ({}, {"@id": 123, "@type": "way"}, ("way", 123)),
    ({}, {"full_id": "r123", "osm_id": "123", "osm_type": "relation"}, ("relation", 123)),
    ({}, {"osm_id": 123}, ("way", 123)),
    ({}, {"osm_id": "123"}, ("way", 123)),
    ({}, {"osm_id": 123.0}, ("way", 123)),
    ({}, {"osm_id": -123}, ("relation", 123)),
    ({}, {"osm_id": -123, "osm_type": "relations"}, ("relation", 123)),
    ({}, {"osm_id": 123, "osm_type": "ways_poly"}, ("way", 123)),
    ({}, {"osm_id": 123, "osm_type": "Way"}, ("way", 123)),
    ({}, {"osm_way_id": "123", "osm_id": None}, ("way", 123)),
    ({}, {"osm_way_id": None, "osm_id": "123"}, ("relation", 123)),
    ({"id": 123}, {"osm_type": "way"}, ("way", 123)),
    ({"id": "way/123"}, {"type": "way", "id": 123, "tags": {"building": "yes"}, "meta": {}}, ("way", 123)),
    ({"id": 7}, {}, (None, None)),
    ({"id": "7"}, {}, (None, None)),
    ({"id": "barn/7"}, {}, (None, None)),
    ({}, {"osm_id": 0}, (None, None)),
    ({}, {"osm_id": True}, (None, None)),
    ({}, {"osm_id": "none"}, (None, None)),
    ({}, {"osm_id": 1.5}, (None, None)),
    ({}, {"osm_id": "9" * 19}, (None, None)),
]


@pytest.mark.parametrize(("more", "properties", "identity"), IDENTITIES)
def test_elements_are_known_by_their_ids(sift, more, properties, identity):
    [footprint], _, _ = sift(collection(feature(0, {"building": "yes", **properties}, **more)))
    assert (footprint.osm_type, footprint.osm_id) == identity
    if identity[1]:
        assert orjson.loads(footprint.tags) == {"building": "yes"}


def test_nested_tags_are_unfolded_and_what_is_said_of_the_element_goes(sift):
    about = {"changeset": 5, "timestamp": "2024", "version": 3, "user": "a", "uid": 1}
    nested = {"osm_id": 1, "osm_type": "ways_poly", "tags": {"building": "hut", "name": "ñ"}, **about}
    plain = {"building": "yes", "version": 3, "user": "a"}
    first, second = sift(collection(feature(0, nested), feature(1, plain)))[0]
    assert orjson.loads(first.tags) == {"building": "hut", "name": "ñ"}
    assert orjson.loads(second.tags) == plain


def test_one_element_is_one_label(sift):
    footprints, _, skipped = sift(collection(feature(0, id="way/1"), feature(1, id="way/1"), feature(2, id="node/1")))
    assert len(footprints) == 2
    assert skipped == {"DUPLICATE": (1, ["features.1"])}


CRS = [
    "urn:ogc:def:crs:EPSG::3857",
    "EPSG:3857",
    "epsg:3857",
    "urn:x-ogc:def:crs:EPSG:3857",
    "http://www.opengis.net/def/crs/EPSG/0/3857",
    "http://www.opengis.net/gml/srs/epsg.xml#3857",
    "EPSG:900913",
    "ESRI:102100",
    "EPSG:32633",
    "urn:ogc:def:crs:EPSG:9.8:3035",
]


@pytest.mark.parametrize("name", CRS)
def test_known_reference_systems_are_transformed(sift, name):
    code = "EPSG:" + name[-5:].strip(":/#") if name[-5:].strip(":/#").isdigit() else name
    code = {"EPSG:00913": "EPSG:3857", "EPSG:02100": "EPSG:3857"}.get(code, code)
    given = moved(square(0), code)
    listed = collection(
        {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(given))},
        crs={"type": "name", "properties": {"name": name}},
    )
    [footprint], _, _ = sift(listed)
    assert shapely.from_wkb(footprint.wkb).symmetric_difference(square(0)).area < 1e-12


def moved(shape, code):
    import pyproj  # noqa: PLC0415

    transformer = pyproj.Transformer.from_crs(4326, code, always_xy=True)
    return shapely.transform(shape, lambda places: list(zip(*transformer.transform(*places.T), strict=True)))


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326", "CRS84"])
def test_degrees_stay_as_they_are(sift, name):
    [footprint], _, _ = sift(collection(feature(), crs={"type": "name", "properties": {"name": name}}))
    assert shapely.from_wkb(footprint.wkb).equals(square(0))


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "name", "properties": {"name": "EPSG:999999"}},
        {"type": "name", "properties": {"name": "LOCAL:42"}},
        {"type": "name", "properties": {"name": "+proj=merc +nadgrids=/etc/passwd"}},
        {"type": "name", "properties": {"name": "EPSG:4978"}},
        {"type": "link", "properties": {"href": "http://example.org/42", "type": "proj4"}},
        {"type": "name"},
        5,
    ],
)
def test_other_reference_systems_are_refused_by_name(sift, crs):
    with pytest.raises(Invalid) as refused:
        sift(collection(feature(), crs=crs))
    assert refused.value.field == "file"
    name = (crs.get("properties") or {}).get("name") if isinstance(crs, dict) else None
    assert name is None or name in refused.value.message
    assert "Use EPSG:4326" in refused.value.message or "use EPSG:4326" in refused.value.message


WORSE = {
    "Latin 1": json.dumps(collection(feature(0, {"name": "ñ"})), ensure_ascii=False).encode("latin-1"),
    "half of it": json.dumps(collection(feature())).encode()[:-9],
    "XML": b"<osm/>",
    "a table": b"building,yes\n",
    "a number that is none": b'{"type": "FeatureCollection", "features": [NaN]}',
    "packed and cut off": gzip.compress(b"x" * 50_000)[:-12],
    "packed nothing": gzip.compress(b""),
    "nothing": b"",
    "TopoJSON": b'{"type": "Topology", "objects": {}}',
    "no type": b'{"features": []}',
    "an array": b"[1, 2]",
}


@pytest.mark.parametrize("case", WORSE)
def test_other_files_are_refused_in_plain_words(sift, case):
    with pytest.raises(Invalid) as refused:
        sift(WORSE[case])
    assert refused.value.field == "file"
    for python in ("b'", "\\x", "Error", "None", "expected"):
        assert python not in refused.value.message
    assert refused.value.message.startswith("This ")


def test_labels_across_the_antimeridian_are_split(sift):
    area = MultiPolygon([box(179.9, -17, 180, -16), box(-180, -17, -179.9, -16)])
    beyond = Polygon([(179.99, -16.5), (180.01, -16.5), (180.01, -16.4), (179.99, -16.4)])
    around = [[(x - 360 if x > 180 else x, y) for x, y in beyond.exterior.coords]]
    for coordinates in (around, [list(beyond.exterior.coords)]):
        [footprint], outside, _ = sift(collection(geometry("Polygon", coordinates=coordinates)), area=area)
        shape = shapely.from_wkb(footprint.wkb)
        assert shape.bounds == (-180, -16.5, 180, -16.4)
        assert shape.area == pytest.approx(beyond.area)
        assert not outside
