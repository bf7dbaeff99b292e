"""Frames and results of AI Managers that are made to hurt."""

from struct import pack

import zstandard

from tests.parsing.hostile import Make

SAMPLE = b"\x82\xabframe_index%b\xa4bbox\x94\x00\x00\x01\x01"

RESULT = b"\x81\xabresource_id\xa11"


def _packed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(content)


def _list(key: bytes, count: int, part: bytes) -> bytes:
    return b"\x81" + pack("B", 0xA0 | len(key)) + key + b"\xdd" + pack(">I", count) + part


def _samples(size: int) -> bytes:
    count = size // 32
    parts = b"".join(SAMPLE % (b"\xce" + pack(">I", number)) for number in range(count))
    return _list(b"objects", 1, b"\x81\xa4data\xdd" + pack(">I", count) + parts)


FRAMES: dict[str, Make] = {
    "no frame": lambda size: b"\x28\xb5\x2f\xfd" * (size // 4),
    "nested lists": lambda size: _packed(b"\x81\xa1x" + b"\x91" * size),
    "nested maps": lambda size: _packed(b"\x81\xa1x\x81" * (size // 4)),
    "empty lists": lambda size: _packed(b"\x81\xa1x\xdd" + pack(">I", size) + b"\x90" * size),
    "a bomb": lambda size: _packed(bytes(size * 64)),
    "a long text": lambda size: _packed(b"\x81\xa1x\xdb" + pack(">I", size) + b"x" * size),
    "a length that lies": lambda size: _packed(b"\x81\xa1x\xdb\xff\xff\xff\xff" + b"x" * size),
    "many keys": lambda size: _packed(b"\xdf" + pack(">I", size // 4) + b"\xa2ab\x00" * (size // 4)),
    "many objects": lambda size: _packed(_list(b"objects", size, b"\x80" * size)),
    "many samples": lambda size: _packed(_samples(size)),
    "keys that are lists": lambda size: _packed(b"\xdf" + pack(">I", size // 2) + b"\x90\x00" * (size // 2)),
    "an extension": lambda size: _packed(b"\x81\xa1x\xc9" + pack(">I", size) + b"\x05" + b"x" * size),
}
RESULTS: dict[str, Make] = {
    **FRAMES,
    "many results": lambda size: _packed(_list(b"results", size, b"\x80" * size)),
    "results of nothing": lambda size: _packed(
        _list(b"results", size // 16, b"\x81\xabresource_id\xa11" * (size // 16))
    ),
    "many detections": lambda size: _packed(
        _list(
            b"results",
            1,
            b"\x83\xabresource_id\xa11\xa6status\xa2ok\xaadetections\xdd" + pack(">I", size) + b"\x80" * size,
        )
    ),
}
