"""Addresses of imagery as map programs write them."""

import pytest

from app.errors import Invalid
from app.gateways.imagery_templates import check_template, tile_url
from app.geometry.tiles import Tile

SAMPLE = Tile(3, 5, 1)
BOX = "5009377.085697,10018754.171395,10018754.171395,15028131.257092"
TITILER = (
    "https://titiler.example.org/cog/tiles/WebMercatorQuad/{z}/{x}/{y}@1x?url=https%3A%2F%2Fa.example.org%2F"
    + "b" * 1_800
    + ".tif&bidx=1&bidx=2"
)
TEMPLATES = {
    "tms:https://example.org/{zoom}/{x}/{y}.png": "https://example.org/3/5/1.png",
    "tms[22]:https://example.org/{zoom}/{x}/{y}.png": "https://example.org/3/5/1.png",
    "tms[2,22]:https://example.org/{zoom}/{x}/{-y}.png": "https://example.org/3/5/6.png",
    "https://example.org/{zoom}/{x}/{ty}": "https://example.org/3/5/6",
    "https://example.org/{19-zoom}/{x}/{y}": "https://example.org/16/5/1",
    "https://example.org/{zoom+1}/{x}/{y}": "https://example.org/4/5/1",
    "https://example.org/{z-1}/{x}/{y}": "https://example.org/2/5/1",
    "https://example.org/a{quadkey}.jpeg?g=1": "https://example.org/a103.jpeg?g=1",
    "https://ecn.t{switch:0,1,2,3}.example.org/a{u}.jpeg": "https://ecn.t2.example.org/a103.jpeg",
    "https://{s}.example.org/{z}/{x}/{y}{r}.png": "https://a.example.org/3/5/1.png",
    "https://{a-c}.example.org/{z}/{x}/{y}": "https://a.example.org/3/5/1",
    "https://t{0-3}.example.org/{z}/{x}/{y}": "https://t2.example.org/3/5/1",
    "https://example.org/{Z}/{X}/{Y}": "https://example.org/3/5/1",
    "https://example.org/wmts/{TileMatrix}/{TileRow}/{TileCol}.png": "https://example.org/wmts/3/1/5.png",
    "https://example.org/wmts?TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}": (
        "https://example.org/wmts?TILEMATRIX=3&TILEROW=1&TILECOL=5"
    ),
    "https://example.org/%7Bz%7D/%7Bx%7D/%7by%7d": "https://example.org/3/5/1",
    "https://example.org/wms?LAYERS=a&CRS={proj}&WIDTH={width}&HEIGHT={height}&BBOX={bbox}": (
        f"https://example.org/wms?LAYERS=a&CRS=EPSG:3857&WIDTH=256&HEIGHT=256&BBOX={BOX}"
    ),
    "https://example.org/wms?layers=a&srs=EPSG:3857&bbox={bbox-epsg-3857}&width=256&height=256": (
        f"https://example.org/wms?layers=a&srs=EPSG:3857&bbox={BOX}&width=256&height=256"
    ),
    "https://example.org/export?bbox={w},{s},{e},{n}&bboxSR={wkid}&size={width},{height}": (
        f"https://example.org/export?bbox={BOX}&bboxSR=3857&size=256,256"
    ),
    "wms:https://example.org/wms?map=/a.map&LAYERS=ortho": (
        "https://example.org/wms?map=/a.map&LAYERS=ortho&SERVICE=WMS&REQUEST=GetMap&VERSION=1.3.0&STYLES="
        f"&FORMAT=image/png&TRANSPARENT=TRUE&CRS=EPSG:3857&BBOX={BOX}&WIDTH=256&HEIGHT=256"
    ),
    "https://example.org/wms?layers=a,b&version=1.1.1&format=image/jpeg&srs=EPSG:3857": (
        "https://example.org/wms?layers=a,b&SERVICE=WMS&REQUEST=GetMap&VERSION=1.1.1&STYLES="
        f"&FORMAT=image/jpeg&TRANSPARENT=TRUE&SRS=EPSG:3857&BBOX={BOX}&WIDTH=256&HEIGHT=256"
    ),
    TITILER: TITILER.format(z=3, x=5, y=1),
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_of_map_programs_name_a_tile(template):
    assert check_template("sourceImagery", f"{template}\n") == template
    assert tile_url(template, SAMPLE) == TEMPLATES[template]


REFUSED = {
    "https://example.org/${z}/${x}/${y}.png": "Write placeholders without a dollar sign: {z}, not ${z}.",
    "https://example.org/{{z}}/{x}/{y}.png": "A brace does not belong to a placeholder.",
    "https://example.org/{z}/{x}/{y": "The URL template needs {z}, {x} and {y}",
    "https://example.org/{z}/{x}/{y}/{apikey}": "{apikey} is not a placeholder",
    "https://example.org/{TileMatrixSet}/{z}/{x}/{y}": "{TileMatrixSet} is not a placeholder",
    "https://example.org/{s}/{x}/{y}": "The URL template needs",
    "https://example.org/wms?service=WMS&request=GetMap": "Name the layers of the WMS",
    "https://example.org/wms?SERVICE=WMS&LAYERS=": "Name the layers of the WMS",
    "https://example.org/wms?LAYERS=a&CRS=EPSG:4326&BBOX={bbox}": "The WMS is asked in EPSG:3857",
    "https://example.org/wms?LAYERS=a&{x}": "The URL template needs",
    "wmts:https://example.org/capabilities.xml": "is not supported",
    "tms[22]:https://127.0.0.1/{z}/{x}/{y}": "is not a public host",
    "tms:ftp://example.org/{z}/{x}/{y}": "Give a complete URL",
    "https://{switch:example.org,10.0.0.1}/{z}/{x}/{y}": "is not a public host",
    "https://example.org/{z}/{x}/{y}" + "a" * 2_000: "Use at most 2000 characters; this has 2031.",
}


@pytest.mark.parametrize("template", REFUSED)
def test_other_templates_are_refused_in_words(template):
    with pytest.raises(Invalid) as refused:
        check_template("sourceImagery", template)
    assert refused.value.field == "sourceImagery"
    assert REFUSED[template] in refused.value.message
