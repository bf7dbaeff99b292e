"""OpenStreetMap files as people have them: what is good is taken, the rest is counted and named."""

import gzip

import osmium
import pytest
import shapely
from shapely import box

from app.errors import Invalid
from tests.formats.sifted import square


def nodes(*shapes, first=1):
    """The nodes of squares, and the ways around them, numbered on."""
    lines, ways = [], []
    for number, shape in enumerate(shapes):
        places = list(shape.exterior.coords)[:-1]
        ids = range(first + 10 * number, first + 10 * number + len(places))
        lines += [f'<node id="{id}" lat="{y:.7f}" lon="{x:.7f}"/>' for id, (x, y) in zip(ids, places, strict=True)]
        ways.append("".join(f'<nd ref="{id}"/>' for id in [*ids, ids[0]]))
    return "".join(lines), ways


PLACES, RINGS = nodes(*(square(number) for number in range(4)), box(12.01, 46.01, 12.02, 46.02))
TAG = '<tag k="building" v="yes"/>'
MULTI = f'<tag k="type" v="multipolygon"/>{TAG}'


def osm(elements):
    return f'<?xml version="1.0"?><osm version="0.6">{PLACES}{elements}</osm>'.encode()


def way(id, ring, tags=TAG):
    return f'<way id="{id}">{ring}{tags}</way>'


def member(ref, role="outer"):
    return f'<member type="way" ref="{ref}" role="{role}"/>'


def relation(id, *members):
    return f'<relation id="{id}">{"".join(members)}{MULTI}</relation>'


LOST = '<nd ref="999"/>'
OPEN = RINGS[1].rpartition("<nd")[0]
GOOD = way(1, RINGS[0])
OSM_BAD = {
    "a member is missing": (
        f'{way(2, RINGS[1], "")}<relation id="7">{member(2)}{member(99, "inner")}{MULTI}</relation>',
        {"MISSING_MEMBERS": (1, ["relation/7"])},
    ),
    "all members are missing": (
        f'<relation id="7">{member(98)}{MULTI}</relation>',
        {"MISSING_MEMBERS": (1, ["relation/7"])},
    ),
    "nodes are missing": (way(2, RINGS[1] + LOST), {"MISSING_NODES": (1, ["way/2"])}),
    "nodes of a member are missing": (
        f'{way(2, RINGS[1] + LOST, "")}<relation id="7">{member(2)}{MULTI}</relation>',
        {"MISSING_NODES": (1, ["relation/7"])},
    ),
    "an open way": (way(2, OPEN), {"OPEN_RING": (1, ["way/2"])}),
    "an open outer way": (
        f'{way(2, OPEN, "")}<relation id="7">{member(2)}{MULTI}</relation>',
        {"OPEN_RING": (1, ["relation/7"])},
    ),
    "an open inner way": (
        way(5, RINGS[4], "") + way(2, OPEN, "") + relation(7, member(5), member(2, "inner")),
        {"OPEN_RING": (1, ["relation/7"])},
    ),
    "a relation without ways": (f'<relation id="7">{MULTI}</relation>', {"OPEN_RING": (1, ["relation/7"])}),
    "no building": (way(2, RINGS[1], '<tag k="building" v="no"/>'), {"ABSENT": (1, ["way/2"])}),
    "no building of ways": (
        f'{way(2, RINGS[1], "")}<relation id="7">{member(2)}{MULTI.replace("yes", "no")}</relation>',
        {"ABSENT": (1, ["relation/7"])},
    ),
    "a point": (f'<node id="77" lat="46.05" lon="12.05">{TAG}</node>', {"NOT_A_POLYGON": (1, ["node/77"])}),
    "another relation": (
        f'<relation id="7">{member(1)}{TAG}<tag k="type" v="site"/></relation>',
        {"NOT_A_POLYGON": (1, ["relation/7"])},
    ),
    "too few nodes": (way(2, '<nd ref="1"/><nd ref="2"/><nd ref="1"/>'), {"INVALID_GEOMETRY": (1, ["way/2"])}),
    "no nodes": (way(2, '<center lat="46" lon="12"/>'), {"NO_GEOMETRY": (1, ["way/2"])}),
    "the same way twice": (GOOD, {"DUPLICATE": (1, ["way/1"])}),
    "the same outline twice": (way(2, RINGS[0]), {"DUPLICATE": (1, ["way/2"])}),
    "a deleted way": (way(2, RINGS[1]).replace("<way", '<way action="delete"'), {}),
    "another thing": (way(2, RINGS[1], '<tag k="natural" v="wood"/>'), {}),
    "nothing": ("", {}),
}


def as_pbf(content, path):
    source = path.with_suffix(".osm")
    source.write_bytes(content)
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(path)) as writer:
        for each in osmium.FileProcessor(str(source)):
            writer.add(each)
    return path.read_bytes()


# PBF has neither.
XML_ALONE = {"no nodes", "a deleted way"}
PACKED = [
    (case, packing)
    for case in OSM_BAD
    for packing in ("plain", "gzip", "pbf")
    if packing != "pbf" or case not in XML_ALONE
]


@pytest.mark.parametrize(("case", "packing"), PACKED)
def test_of_osm_files_the_good_is_taken(sift, tmp_path, case, packing):
    elements, expected = OSM_BAD[case]
    content = osm(GOOD + elements)
    if packing == "pbf":
        content = as_pbf(content, tmp_path / "some.osm.pbf")
    footprints, _, skipped = sift(gzip.compress(content) if packing == "gzip" else content, "OSM_XML")
    assert [(each.osm_type, each.osm_id) for each in footprints] == [("way", 1)]
    assert skipped == expected
    if expected:
        with pytest.raises(Invalid) as refused:
            sift(content, "OSM_XML", strict=True)
        [(_, [place])] = expected.values()
        assert refused.value.field == f"file.{place}"


def test_pbf_is_read_by_its_own_name(sift, tmp_path):
    courtyard = f"{way(5, RINGS[4], '')}{way(6, RINGS[1], TAG)}"
    relation = f'<relation id="7">{member(5)}{member(6, "inner")}{MULTI}</relation>'
    content = as_pbf(osm(GOOD + courtyard + relation), tmp_path / "some.osm.pbf")
    footprints, _, skipped = sift(content, "OSM_PBF")
    assert [(each.osm_type, each.osm_id) for each in footprints] == [("way", 1), ("relation", 7), ("way", 6)]
    assert not skipped
    for broken in (content[:-40], content[:60] + b"x" * 500):
        with pytest.raises(Invalid, match="This is not an OSM PBF file, or it is broken"):
            sift(broken, "OSM_PBF")


def test_a_building_in_a_courtyard_is_another_label_and_an_outer_way_is_none(sift):
    ways = way(5, RINGS[4], TAG) + way(6, RINGS[1], TAG)
    relation = f'<relation id="7">{member(5)}{member(6, "inner")}{MULTI}</relation>'
    footprints, _, _ = sift(osm(ways + relation), "OSM_XML")
    assert [(each.osm_type, each.osm_id) for each in footprints] == [("relation", 7), ("way", 6)]


def test_a_member_that_is_listed_twice_counts_once(sift):
    content = osm(way(5, RINGS[4], "") + relation(7, member(5), member(5)))
    [footprint], _, skipped = sift(content, "OSM_XML")
    assert (footprint.osm_type, footprint.osm_id, skipped) == ("relation", 7, {})


def test_the_newest_of_nodes_with_one_id_counts(sift):
    old, new = '<node id="3" version="1" lat="46.5" lon="12.5"/>', '<node id="3" version="2" lat="46.6" lon="12.6"/>'
    for doubled in (new + old, old + new):
        ring = '<nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/>'
        content = osm(way(1, ring)).replace(b"<way", doubled.encode() + b"<way")
        [footprint], _, _ = sift(content, "OSM_XML")
        assert (12.6, 46.6) in shapely.from_wkb(footprint.wkb).exterior.coords


def test_new_elements_have_no_id(sift):
    [footprint], _, _ = sift(osm(way(-5, RINGS[0])), "OSM_XML")
    assert (footprint.osm_type, footprint.osm_id) == (None, None)


def inline(shape):
    return "".join(f'<nd ref="{number}" lat="{y}" lon="{x}"/>' for number, (x, y) in enumerate(shape.exterior.coords))


def test_overpass_with_geometry_is_read_without_nodes(sift):
    hole = box(12.012, 46.012, 12.013, 46.013)
    members = "".join(
        f'<member type="way" ref="{ref}" role="{role}">{inline(shape).replace("ref", "was")}</member>'
        for ref, role, shape in ((8, "outer", box(12.01, 46.01, 12.02, 46.02)), (9, "inner", hole))
    )
    content = (
        '<osm version="0.6"><note>The data is from OpenStreetMap.</note><meta osm_base="2026"/>'
        f'<way id="1"><bounds minlat="46"/>{inline(square(0))}{TAG}</way>'
        f'<way id="2">{inline(square(1)).rpartition(" lat")[0]}/>{TAG}</way>'
        f'<relation id="7">{members}{MULTI}</relation></osm>'
    )
    footprints, _, skipped = sift(content.encode(), "OSM_XML")
    assert [(each.osm_type, each.osm_id) for each in footprints] == [("way", 1), ("relation", 7)]
    assert shapely.from_wkb(footprints[1].wkb).equals(box(12.01, 46.01, 12.02, 46.02) - hole)
    assert skipped == {"MISSING_NODES": (1, ["way/2"])}


def places(shape):
    return [{"lat": y, "lon": x} for x, y in shape.exterior.coords]


@pytest.mark.parametrize("format", ["GEOJSON", "OSM_XML"])
def test_overpass_as_json_is_read_too(sift, format):
    member = {"type": "way", "ref": 8, "role": "outer", "geometry": places(square(2))}
    corners = [{"type": "node", "id": n, "lon": x, "lat": y} for n, (x, y) in enumerate(square(3).exterior.coords[:-1])]
    elements = [
        {"type": "way", "id": 1, "geometry": places(square(0)), "nodes": [1, 2, 3, 4, 1], "tags": {"building": "yes"}},
        {"type": "way", "id": 2, "geometry": [None, *places(square(1))[1:]], "tags": {"building": "yes"}},
        {"type": "relation", "id": 7, "members": [member], "tags": {"type": "multipolygon", "building": "yes"}},
        {"type": "way", "id": 3, "nodes": [0, 1, 2, 3, 0], "tags": {"building": "yes"}},
        *corners,
    ]
    content = {"version": 0.6, "generator": "Overpass API", "osm3s": {}, "elements": elements}
    footprints, _, skipped = sift(content, format)
    assert [(each.osm_type, each.osm_id) for each in footprints] == [("way", 1), ("way", 3), ("relation", 7)]
    assert skipped == {"MISSING_NODES": (1, ["way/2"])}
