"""Inputs that are made to hurt: nested, long, wide or cut off, in every format that comes from outside."""

import gzip
import zipfile
from collections.abc import Callable
from io import BytesIO
from struct import pack
from zlib import compress, crc32

from PIL import Image

MIB = 1024 * 1024
FEATURE = b'{"type":"Feature","properties":%b,"geometry":{"type":"Polygon","coordinates":%b}}'
RING = b"[[[12,46],[12.001,46],[12.001,46.001],[12,46.001],[12,46]]]"
COLLECTION = b'{"type":"FeatureCollection","features":[%b]}'
OSM = b'<?xml version="1.0"?><osm version="0.6">%b</osm>'
NODES = b'<node id="1" lat="46" lon="12"/><node id="2" lat="46" lon="13"/><node id="3" lat="47" lon="13"/>'
WAY = b'<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="yes"/>%b</way>'

Make = Callable[[int], bytes]


def _repeated(part: bytes) -> Make:
    """About so many bytes of a part."""
    return lambda size: part * max(1, size // len(part))


def _within(around: bytes, part: bytes) -> Make:
    return lambda size: around % _repeated(part)(size)


def _nested(opening: bytes, closing: bytes, around: bytes = b"%b") -> Make:
    def make(size: int) -> bytes:
        count = max(1, size // (len(opening) + len(closing)))
        return around % (opening * count + closing * count)

    return make


def _long(around: bytes, text: bytes) -> Make:
    return lambda size: around % (text * max(1, size // len(text)))


GEOJSON: dict[str, Make] = {
    "lists never closed": lambda size: COLLECTION[:-4] + b"[" * size,
    "nested lists": _nested(b"[", b"]", COLLECTION),
    "nested objects": _nested(b'{"a":', b"}", COLLECTION[:-2] + b"1]}"),
    "nested geometries": _nested(
        b'{"type":"GeometryCollection","geometries":[', b"]}", COLLECTION % b'{"type":"Feature","geometry":%b}'
    ),
    "nested properties": lambda size: (
        COLLECTION % (FEATURE % (b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6), RING))
    ),
    "a long text": lambda size: COLLECTION % (FEATURE % (b'{"name":"' + b"x" * size + b'"}', RING)),
    "a long name": lambda size: COLLECTION % (FEATURE % (b'{"' + b"x" * size + b'":1}', RING)),
    "a text of escapes": lambda size: COLLECTION % (FEATURE % (b'{"name":"' + b"\\u0000" * (size // 6) + b'"}', RING)),
    "a long number": lambda size: COLLECTION % (FEATURE % (b'{"n":' + b"9" * size + b"}", RING)),
    "a long fraction": lambda size: COLLECTION % (FEATURE % (b'{"n":0.' + b"3" * size + b"}", RING)),
    "numbers beyond measure": lambda size: (
        COLLECTION % (FEATURE % (b"{}", b"[[[1e999,-1e999],[1,2],[3,4],[1e999,-1e999]]]"))
    ),
    "a wide list": lambda size: COLLECTION % (FEATURE % (b"{}", b"[[" + b"[1,1]," * (size // 6) + b"[1,1]]]")),
    "a wide position": lambda size: COLLECTION % (FEATURE % (b"{}", b"[[[" + b"1," * (size // 2) + b"1]]]")),
    "many rings": lambda size: COLLECTION % (FEATURE % (b"{}", b"[" + b"[]," * (size // 3) + b"[]]")),
    "a wide object": lambda size: (
        COLLECTION % (FEATURE % (b"{" + b",".join(b'"%d":1' % number for number in range(size // 9)) + b"}", RING))
    ),
    "many features": lambda size: COLLECTION % b",".join([FEATURE % (b"{}", RING)] * max(1, size // 150)),
    "many blanks": lambda size: COLLECTION % (b" " * size),
    "another type first": lambda size: b'{"type":[' + b"1," * (size // 2) + b"1]}",
}
OSM_XML: dict[str, Make] = {
    "nested elements": _nested(b"<a>", b"</a>", OSM),
    "elements never closed": lambda size: OSM[:-8] + b"<a>" * (size // 3),
    "a long attribute": lambda size: OSM % (NODES + WAY % (b'<tag k="a" v="' + b"x" * size + b'"/>')),
    "a long attribute of brackets": lambda size: OSM % (NODES + WAY % (b'<tag k="a" v="' + b">" * size + b'"/>')),
    "a long name": lambda size: OSM % (b"<" + b"x" * size + b"/>"),
    "a long comment": lambda size: OSM % (b"<!--" + b"<a>" * (size // 3) + b"-->"),
    "a long instruction": lambda size: OSM % (b"<?a " + b"x" * size + b"?>"),
    "a long section": lambda size: OSM % (b"<![CDATA[" + b"x" * size + b"]]>"),
    "a long text": lambda size: OSM % (b"x" * size),
    "many attributes": lambda size: OSM % (b"<node " + b" ".join(b'a%d=""' % n for n in range(size // 10)) + b"/>"),
    "many nodes of a way": lambda size: OSM % (NODES + WAY % _repeated(b'<nd ref="1"/>')(size)),
    "many tags": lambda size: OSM % (NODES + WAY % b"".join(b'<tag k="%d" v=""/>' % n for n in range(size // 20))),
    "many nodes": lambda size: OSM % (b'<node id="1" lat="46" lon="12"/>' * max(1, size // 32)),
    "entities": lambda size: b'<!DOCTYPE a [<!ENTITY a "%b">]>' % (b"x" * size) + OSM % b"&a;",
    "another encoding": lambda size: b'<?xml version="1.0" encoding="rot13"?><osm>' + b"x" * size,
    "numbers beyond measure": lambda size: OSM % (b'<node id="%b" lat="1e999" lon="nan"/>' % (b"9" * size)),
    "a tangle": lambda size: (
        OSM
        % (
            NODES
            + b'<way id="9">'
            + b'<nd ref="1"/><nd ref="2"/>' * 2
            + b"</way>"
            + b'<relation id="1"><tag k="type" v="multipolygon"/><tag k="building" v="yes"/>'
            + b'<member type="way" ref="9" role=""/>' * max(1, size // 40)
            + b"</relation>"
        )
    ),
}


def archive(content: bytes, *, names: tuple[str, ...] = ("a.geojson",)) -> bytes:
    with zipfile.ZipFile(file := BytesIO(), "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, content)
    return file.getvalue()


ARCHIVES: dict[str, Make] = {
    "a bomb": lambda size: archive(b" " * (size * 64)),
    "many files": lambda size: archive(b"", names=tuple(f"{number}.geojson" for number in range(size // 500))),
    "a way out": lambda size: archive(b"{}", names=("../" * (size // 100_000 + 1) + "a.geojson",)),
    "nested lists": lambda size: archive(GEOJSON["nested lists"](size)),
    "many features": lambda size: archive(GEOJSON["many features"](size)),
    "a directory of nothing": lambda size: b"PK\5\6" + b"\xff" * 18 + b"x" * size,
}


TABLES: dict[str, Make] = {
    "a header of commas": lambda size: b"," * size,
    "a long line": lambda size: b"mediaID,observationType\n" + b"x" * size,
    "a quote without end": lambda size: b'mediaID,observationType\n"' + b"x\n" * (size // 2),
    "many rows": lambda size: b"mediaID,observationType\n" + b"m,animal\n" * (size // 9),
    "wide rows": lambda size: b"mediaID,observationType\n" + (b"," * 1_000 + b"\n") * (size // 1_000),
    "NUL bytes": lambda size: b"mediaID,observationType\n" + b"\0" * size,
    "a packed bomb": lambda size: gzip.compress(b"\n" * size * 64),
    "packed twice": lambda size: gzip.compress(gzip.compress(b"\n" * size)),
    "nested attributes": lambda size: b"mediaID,observationType,attrs\nm,animal," + b"[" * size + b"\n",
}
RESULTS_HEAD = b'{"info":{"format_version":"1.6"},"detection_categories":{"1":"animal"},"%b":['
RESULTS: dict[str, Make] = {
    f"{name} of {key.decode()}": lambda size, key=key, part=part: RESULTS_HEAD % key + part(size)
    for key in (b"images", b"predictions")
    for name, part in {
        "nested lists": lambda size: b"[" * size,
        "a long text": lambda size: b'{"file":"' + b"x" * size + b'"}]}',
        "a long number": lambda size: b'{"file":' + b"9" * size + b"}]}",
        "numbers beyond measure": lambda size: b'{"file":"a","detections":[{"bbox":[1e999,1e999,1,1]}]}]}',
        "many detections": lambda size: b'{"file":"a","detections":[' + b"{}," * (size // 3) + b"{}]}]}",
        "many files": lambda size: b'{"file":"a","detections":[]},' * (size // 29) + b'{"file":"a"}]}',
        "many names": lambda size: (
            b'{"file":"a"}],"classification_categories":{' + b'"a":"b",' * (size // 8) + b'"a":1}}'
        ),
    }.items()
}


def package(name: str, content: bytes) -> bytes:
    """A package whose table is this."""
    resources = ",".join(
        f'{{"name":"{each}","path":"{each}.csv"}}' for each in ("deployments", "media", "observations")
    )
    said = f'{{"profile":"https://example.org/camtrap-dp/1.0.2/camtrap-dp-profile.json","resources":[{resources}]}}'
    with zipfile.ZipFile(file := BytesIO(), "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("datapackage.json", said)
        made.writestr("images.csv", b"")
        made.writestr(name, content)
    return file.getvalue()


PACKAGES: dict[str, Make] = {
    **{
        f"deployments: {name}": lambda size, make=make: package("deployments.csv", make(size))
        for name, make in TABLES.items()
    },
    "a descriptor without end": lambda size: b'{"profile":' + b"[" * size,
    "a long descriptor": lambda size: b'{"profile":"' + b"x" * size * 16 + b'"}',
    "a directory of nothing": ARCHIVES["a directory of nothing"],
    "many files": ARCHIVES["many files"],
}


def png(width: int, height: int, *, data: bytes | None = None, before: bytes = b"") -> bytes:
    """A PNG of black pixels, one bit each."""
    head = pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = data if data is not None else compress(bytes((width + 7) // 8 + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + before + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + name + content + pack(">I", crc32(name + content))


def scans(size: int) -> bytes:
    """A progressive JPEG that draws the same again and again."""
    Image.new("RGB", (2_000, 2_000)).save(file := BytesIO(), "JPEG", progressive=True)
    whole = file.getvalue()
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * max(1, size // (len(whole) - last)) + whole[-2:]


PICTURES: dict[str, Make] = {
    "one column": lambda size: png(1, 25_000_000),
    "one row": lambda size: png(25_000_000, 1),
    "a square": lambda size: png(4_900, 4_900),
    "more than is there": lambda size: png(256, 256, data=compress(b"")),
    "more than is said": lambda size: png(256, 256, data=compress(bytes(size * 16), 9)),
    "a packed text": lambda size: png(256, 256, before=_chunk(b"zTXt", b"a\0\0" + compress(b"x" * size * 16, 9))),
    "a packed profile": lambda size: png(256, 256, before=_chunk(b"iCCP", b"a\0\0" + compress(b"x" * size * 16, 9))),
    "many chunks": lambda size: png(256, 256, before=_chunk(b"tEXt", b"a\0b") * (size // 15)),
    "many scans": scans,
    "noise": lambda size: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * (size // 256),
}
REQUESTS: dict[str, Make] = {
    "nested lists": _nested(b"[", b"]", b'{"query":"","variables":{"a":%b}}'),
    "nested objects": _nested(b'{"a":', b"}", b'{"query":"","variables":%b}'),
    "lists never closed": lambda size: b'{"query":"","variables":' + b"[" * size,
    "many empty lists": lambda size: b'{"query":"","variables":[' + b"[]," * (size // 3) + b"[]]}",
    "many empty objects": lambda size: b'{"query":"","variables":[' + b"{}," * (size // 3) + b"{}]}",
    "a long number": lambda size: b'{"query":"","variables":' + b"9" * size + b"}",
    "a long text": lambda size: b'{"query":"' + b"x" * size + b'"}',
}
