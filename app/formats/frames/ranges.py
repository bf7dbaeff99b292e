"""Reading a part of a payload that we wrote: the header, its index, and the chunks that hold the frames asked for."""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import msgpack
import zstandard

from app.formats.frames.codes import FramesCode
from app.formats.frames.samples import (
    BOX_DECIMALS,
    DISTANCE_DECIMALS,
    WINDOW_BYTES_MAX,
    FrameSample,
    FramesHeader,
    ObjectHeader,
    refuse,
)

READ_BYTES = 65_536
HEADER_BYTES_MAX = 8 * 2**20
KNOWN = set(FramesHeader.__dataclass_fields__) - {"extra"}
OURS = {"schema", "schema_version", "index"}
OF_OBJECT = set(ObjectHeader.__dataclass_fields__) - {"extra"}
FRAME_MAX = 2**63 - 1


class Track(NamedTuple):
    """Where the samples of an object lie."""

    id: int
    start: int
    first: int
    samples: int
    frames: list[int]
    places: list[int]


@dataclass(frozen=True)
class Range:
    """The samples of a range, object by object."""

    header: FramesHeader
    objects: list[tuple[ObjectHeader, list[FrameSample]]]


class _Stream:
    """The unpacked bytes of a payload, of which those are kept that are asked for, in their order."""

    def __init__(self, file: IO[bytes]) -> None:
        self._reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).stream_reader(file, closefd=False)
        self._place = 0
        self._kept = b""

    def header(self) -> dict[str, Any]:
        """Everything before the objects; the next byte is the first of their list."""
        unpacker = msgpack.Unpacker(max_buffer_size=HEADER_BYTES_MAX)
        fed, header = b"", {}
        while True:
            piece = self._reader.read(READ_BYTES)
            if not piece or len(fed) > HEADER_BYTES_MAX:
                raise refuse(FramesCode.TRUNCATED, "The payload ends before its objects.")
            fed += piece
            unpacker = msgpack.Unpacker(max_buffer_size=HEADER_BYTES_MAX + READ_BYTES)
            unpacker.feed(fed)
            try:
                header = dict(_fields(unpacker))
            except msgpack.OutOfData:
                continue
            self._kept = fed[unpacker.tell() :]
            return header

    def window(self, start: int, end: int) -> bytes:
        """The bytes of a place after the key `objects`, which is not before the last one."""
        skipped = start - self._place
        while skipped > len(self._kept):
            skipped -= len(self._kept)
            self._kept = self._reader.read(READ_BYTES)
            if not self._kept:
                raise refuse(FramesCode.TRUNCATED, "The payload ends before the end of its index.")
        parts, wanted = [self._kept[skipped:]], end - start
        while sum(map(len, parts)) < wanted:
            parts.append(self._reader.read(READ_BYTES))
            if not parts[-1]:
                raise refuse(FramesCode.TRUNCATED, "The payload ends before the end of its index.")
        content = b"".join(parts)
        self._kept, self._place = content[wanted:], end
        return content[:wanted]


def _fields(unpacker: msgpack.Unpacker) -> Iterator[tuple[str, Any]]:
    for _ in range(unpacker.read_map_header()):
        key = unpacker.unpack()
        if key == "objects":
            return
        yield key, unpacker.unpack()


def read_header(file: IO[bytes]) -> FramesHeader:
    """What a payload says of itself."""
    return _header(_Stream(file).header())


def read_range(
    file: IO[bytes],
    *,
    object_ids: Collection[int] | None = None,
    from_frame: int = 0,
    to_frame: int | None = None,
    stride: int = 1,
    samples_max: int,
) -> Range:
    """The samples of some objects from one frame to another, both included: every `stride`-th of each object."""
    stream = _Stream(file)
    header = stream.header()
    last = FRAME_MAX if to_frame is None else to_frame
    objects: list[tuple[ObjectHeader, list[FrameSample]]] = []
    left = samples_max
    for track in _tracks(header):
        if object_ids is not None and track.id not in object_ids:
            continue
        about = _object(stream.window(track.start, track.first))
        low = max(0, bisect_right(track.frames, from_frame) - 1)
        high = bisect_right(track.frames, last)
        samples: list[FrameSample] = []
        if track.samples and low < high:
            samples = _samples(stream.window(track.places[low], track.places[high]), from_frame, last, stride, left)
        left -= len(samples)
        objects.append((about, samples))
    return Range(_header(header), objects)


def _samples(content: bytes, first: int, last: int, stride: int, most: int) -> list[FrameSample]:
    unpacker = msgpack.Unpacker(max_buffer_size=len(content))
    unpacker.feed(content)
    samples: list[FrameSample] = []
    inside = (each for each in unpacker if first <= each["frame_index"] <= last)
    for number, each in enumerate(inside):
        if number % stride == 0:
            if len(samples) >= most:
                raise refuse(FramesCode.TOO_MANY_SAMPLES, "This range has too many samples.")
            samples.append(_sample(each))
    return samples


def _sample(each: dict[str, Any]) -> FrameSample:
    x, y, width, height = (round(value, BOX_DECIMALS) for value in each["bbox"])
    confidence, distance, points = each["confidence"], each["distance"], each["keypoints"]
    return FrameSample(
        each["frame_index"],
        (x, y, width, height),
        None if confidence is None else round(confidence, BOX_DECIMALS),
        None if distance is None else round(distance, DISTANCE_DECIMALS),
        points
        and tuple((round(a, BOX_DECIMALS), round(b, BOX_DECIMALS), round(c, BOX_DECIMALS)) for a, b, c in points),
        each["interpolated"],
    )


def _tracks(header: dict[str, Any]) -> Iterator[Track]:
    for id, start, first, samples, frames, places in header["index"]["objects"]:
        yield Track(id, start, first, samples, _numbers(frames), _numbers(places))


def _numbers(content: bytes) -> list[int]:
    return [int.from_bytes(content[place : place + 8], "little") for place in range(0, len(content), 8)]


def _object(content: bytes) -> ObjectHeader:
    unpacker = msgpack.Unpacker()
    unpacker.feed(content)
    fields: dict[str, Any] = {}
    for _ in range(unpacker.read_map_header()):
        key = unpacker.unpack()
        if key == "data":
            break
        fields[key] = unpacker.unpack()
    extra = {key: value for key, value in fields.items() if key not in OF_OBJECT}
    return ObjectHeader(**{key: value for key, value in fields.items() if key in OF_OBJECT}, extra=extra)


def _header(header: dict[str, Any]) -> FramesHeader:
    fields = {key: value for key, value in header.items() if key in KNOWN}
    if fields.get("keypoint_names") is not None:
        fields["keypoint_names"] = tuple(fields["keypoint_names"])
    return FramesHeader(**fields, extra={key: value for key, value in header.items() if key not in KNOWN | OURS})
