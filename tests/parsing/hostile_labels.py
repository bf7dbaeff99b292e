"""Files of labels that are made to hurt: OSM PBF, packed files, and features one a line."""

import gzip
from struct import pack
from zlib import compress

from tests.parsing import hostile
from tests.parsing.hostile import FEATURE, MIB, NODES, OSM, RING, WAY, Make


def _number(value: int) -> bytes:
    """As protocol buffers write a whole number."""
    written = b""
    while value > 0x7F:
        written += bytes([value & 0x7F | 0x80])
        value >>= 7
    return written + bytes([value])


def _bytes(field: int, content: bytes) -> bytes:
    return _number(field << 3 | 2) + _number(len(content)) + content


def block(kind: bytes, content: bytes, *, size: int | None = None) -> bytes:
    """A block of a PBF file, whose size unpacked may be a lie."""
    blob = _number(2 << 3) + _number(len(content) if size is None else size) + _bytes(3, compress(content, 9))
    head = _bytes(1, kind) + _number(3 << 3) + _number(len(blob))
    return pack(">I", len(head)) + head + blob


HEADER = block(b"OSMHeader", _bytes(4, b"OsmSchema-V0.6") + _bytes(4, b"DenseNodes"))
TEXTS = _bytes(1, _bytes(1, b"") + _bytes(1, b"building") + _bytes(1, b"yes"))


def way(refs: bytes) -> bytes:
    """A block with one building, whose nodes are these."""
    parts = _number(1 << 3) + _number(1) + _bytes(2, b"\1") + _bytes(3, b"\2") + _bytes(8, refs)
    return block(b"OSMData", TEXTS + _bytes(2, _bytes(3, parts)))


PBF: dict[str, Make] = {
    "a bomb": lambda size: HEADER + block(b"OSMData", bytes(size * 31)) * 8,
    "a bomb of texts": lambda size: HEADER + block(b"OSMData", _bytes(1, _bytes(1, b"x") * (size * 8))) * 4,
    "more than is there": lambda size: HEADER + block(b"OSMData", b"x" * size, size=32 * MIB - 1),
    "more than is said": lambda size: HEADER + block(b"OSMData", b"x" * size, size=10),
    "a size beyond measure": lambda size: HEADER + block(b"OSMData", b"x", size=2**60 + size),
    "a long head": lambda size: HEADER + pack(">I", 2**31 - 1) + b"x" * size,
    "noise": lambda size: HEADER + b"\xff" * size,
    "many blocks": lambda size: HEADER + block(b"OSMData", TEXTS) * (size // 60),
    "many nodes of a way": lambda size: HEADER + way(b"\2" * size),
    "many ways": lambda size: HEADER + way(b"\2\2\2\5") * (size // 60),
    "texts that are not there": lambda size: HEADER + way(b"").replace(TEXTS, b"") * (size // 60),
    "another header": lambda size: block(b"OSMHeader", _bytes(4, b"Compressed") * (size // 20)),
}
PACKED_XML: dict[str, Make] = {
    "a bomb": lambda size: gzip.compress(OSM % (b" " * (size * 64))),
    "a long attribute": lambda size: gzip.compress(hostile.OSM_XML["a long attribute"](size * 8)),
    "many nodes": lambda size: gzip.compress(hostile.OSM_XML["many nodes"](size * 4)),
    "packed twice": lambda size: gzip.compress(gzip.compress(OSM % (NODES + b" " * size))),
    "cut off": lambda size: gzip.compress(OSM % (NODES + WAY % (b" " * size)))[:-9],
    "no end": lambda size: b"BZh91AY&SY" + b"x" * size,
    "inline places": lambda size: OSM % (b'<way id="1">' + b'<nd ref="1" lat="1" lon="1"/>' * (size // 28) + b"</way>"),
    "places of members": lambda size: (
        OSM
        % (
            b'<relation id="1"><member type="way" ref="1" role="">'
            + b'<nd lat="1" lon="1"/>' * (size // 20)
            + b'</member><tag k="type" v="multipolygon"/></relation>'
        )
    ),
}
OVERPASS_HEAD = b'{"version":0.6,"elements":['
LINES: dict[str, Make] = {
    "many lines": lambda size: (FEATURE % (b"{}", RING) + b"\n") * (size // 150),
    "many empty lines": lambda size: b"{}\n" + b"\n" * size,
    "many broken lines": lambda size: b"{}\n" + b"{\n" * (size // 2),
    "a long line": lambda size: b'{}\n{"a":"' + b"x" * size + b'"}',
    "a long first line": lambda size: b"x" * size + b"\n{}",
    "nested lines": lambda size: b"{}\n" + b"[" * size,
    "separators": lambda size: b"\x1e" * size,
    "half characters": lambda size: b"\xff\xfe" + b"\x00\xd8" * (size // 2),
    "an odd end": lambda size: b"\xff\xfe" + b"{\0" * (size // 2) + b"x",
    "a packed bomb": lambda size: gzip.compress(b" " * (size * 64)),
    "many types": lambda size: b"".join(b'{"type":"%d"} ' % number for number in range(size // 16)),
    "many reference systems": lambda size: b'{"type":"FeatureCollection","crs":"%b"}' % (b"EPSG:" * (size // 5)),
    "nested reference systems": lambda size: b'{"type":"Feature","crs":' + b'{"a":' * (size // 5),
    "features in each other": lambda size: (
        b'{"type":"FeatureCollection","features":[' * (size // 40) + b"]}" * (size // 40)
    ),
    "elements": lambda size: OVERPASS_HEAD + b'{"type":"node","id":1,"lat":1,"lon":1},' * (size // 40) + b"{}]}",
    "an element of many places": lambda size: (
        OVERPASS_HEAD + b'{"type":"way","id":1,"geometry":[' + b'{"lat":1,"lon":1},' * (size // 18) + b"null]}]}"
    ),
    "an element of nothing": lambda size: OVERPASS_HEAD + b'{"type":"way","id":[' + b"[" * size,
}
