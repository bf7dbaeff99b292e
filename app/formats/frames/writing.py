"""Writing a payload: samples go to a temporary file one by one, and the index is written before them."""

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, Self

import msgpack
import zstandard

from app.formats.frames.codes import FramesCode
from app.formats.frames.samples import (
    OBJECTS_MAX,
    SAMPLES_MAX,
    SAMPLES_PER_OBJECT_MAX,
    VERSION,
    FrameSample,
    FramesHeader,
    ObjectHeader,
    refuse,
)

LEVEL = 3
CHUNK_SAMPLES = 256
COPY_BYTES = 65_536
IN_MEMORY_BYTES = 4 * 2**20
PRODUCER = {"name": "Fieldgraph", "version": "1"}
FIRST_SAMPLES = 3

# Samples in single precision, which is half the size; 29.97 frames a second are no matter of it.
_sample_packer = msgpack.Packer(use_bin_type=True, use_single_float=True)
_packer = msgpack.Packer(use_bin_type=True)


@dataclass
class Track:
    """The samples of one object, as far as they are written: where they lie, and where chunks of them begin."""

    start: int
    count: int = 0
    last_frame: int = -1
    points: int | None = None
    first: list[FrameSample] = field(default_factory=list)
    frames: "array[int]" = field(default_factory=lambda: array("Q"))
    places: "array[int]" = field(default_factory=lambda: array("Q"))
    end: int = 0


class Assembly:
    """A payload in the making: its samples are on disk, the properties of objects in memory."""

    def __init__(self) -> None:
        self._samples = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 -- closed by `close`
        self._size = 0
        self._total = 0
        self.tracks: list[tuple[ObjectHeader, Track]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._samples.close()

    def begin(self) -> Track:
        """A new object, of which at first only its samples are known."""
        if len(self.tracks) >= OBJECTS_MAX:
            raise refuse(FramesCode.TOO_MANY_OBJECTS, f"A payload may have at most {OBJECTS_MAX:,} objects.")
        return Track(self._size, end=self._size)

    def add(self, track: Track, sample: FrameSample) -> None:
        """The next sample of an object."""
        if sample.frame_index <= track.last_frame:
            raise refuse(FramesCode.FRAMES_NOT_RISING, "The frames of an object must rise, each at most once.")
        self._count(track)
        if track.count % CHUNK_SAMPLES == 0:
            track.frames.append(sample.frame_index)
            track.places.append(self._size - track.start)
        if len(track.first) < FIRST_SAMPLES:
            track.first.append(sample)
        points = None if sample.keypoints is None else len(sample.keypoints)
        if points is not None and track.points not in {None, points}:
            raise refuse(FramesCode.KEYPOINTS_MISMATCH, "All samples must have the same number of keypoints.")
        track.points = points if points is not None else track.points
        packed = _sample_packer.pack(sample.written())
        self._samples.write(packed)
        self._size += len(packed)
        track.count, track.last_frame, track.end = track.count + 1, sample.frame_index, self._size

    def _count(self, track: Track) -> None:
        if track.count >= SAMPLES_PER_OBJECT_MAX:
            raise refuse(
                FramesCode.TOO_MANY_SAMPLES_OF_OBJECT,
                f"An object may have at most {SAMPLES_PER_OBJECT_MAX:,} samples.",
            )
        self._total += 1
        if self._total > SAMPLES_MAX:
            raise refuse(FramesCode.TOO_MANY_SAMPLES, f"A payload may have at most {SAMPLES_MAX:,} samples.")

    def end(self, track: Track, header: ObjectHeader) -> None:
        """Says what the object is whose samples were added."""
        if any(other.id == header.id for other, _ in self.tracks):
            raise refuse(FramesCode.DUPLICATE_OBJECT, f"Two objects have the id {header.id}.")
        self.tracks.append((header, track))

    def check(self, header: FramesHeader) -> None:
        """Passes if the samples fit the medium's properties."""
        end = header.frame_end
        for _, track in self.tracks:
            if header.fps is None and (track.count != 1 or track.last_frame != 0):
                raise refuse(
                    FramesCode.IMAGE_WITH_SEVERAL_FRAMES, "An object of an image has exactly one sample, of frame 0."
                )
            if end is not None and track.last_frame >= end:
                raise refuse(FramesCode.FRAME_AFTER_END, f"Frame {track.last_frame} is after the end of the video.")
            names = header.keypoint_names
            if track.points is not None and names is not None and track.points != len(names):
                raise refuse(FramesCode.KEYPOINTS_MISMATCH, "A sample needs one keypoint for each of `keypoint_names`.")

    def write(self, header: FramesHeader, target: IO[bytes]) -> None:
        """Writes the whole payload."""
        self.check(header)
        compressor = zstandard.ZstdCompressor(level=LEVEL)
        with compressor.stream_writer(target, closefd=False) as stream:
            for piece in self._pieces(header):
                stream.write(piece)

    def _pieces(self, header: FramesHeader) -> Iterator[bytes]:
        heads = [_object_head(header_of_object, track.count) for header_of_object, track in self.tracks]
        opening = _packer.pack_array_header(len(heads))
        fields = _header_map(header)
        yield _packer.pack_map_header(len(fields) + 2)
        for key, value in fields.items():
            yield _packer.pack(key) + _packer.pack(value)
        yield _packer.pack("index") + _packer.pack(self._index(heads, len(opening)))
        yield _packer.pack("objects") + opening
        for head, (_, track) in zip(heads, self.tracks, strict=True):
            yield head
            self._samples.seek(track.start)
            left = track.end - track.start
            while left and (piece := self._samples.read(min(COPY_BYTES, left))):
                left -= len(piece)
                yield piece

    def _index(self, heads: list[bytes], place: int) -> dict[str, Any]:
        rows = []
        for head, (header, track) in zip(heads, self.tracks, strict=True):
            begin = place + len(head)
            places = array("Q", (begin + each for each in track.places))
            place = begin + track.end - track.start
            places.append(place)
            rows.append([header.id, begin - len(head), begin, track.count, _bytes(track.frames), _bytes(places)])
        return {"chunk_samples": CHUNK_SAMPLES, "objects": rows}


def _bytes(numbers: "array[int]") -> bytes:
    """Numbers of 8 bytes each, the lowest byte first."""
    return b"".join(number.to_bytes(8, "little") for number in numbers)


def _object_head(header: ObjectHeader, count: int) -> bytes:
    """An object up to its first sample."""
    fields = {
        **header.extra,
        "id": header.id,
        "observation_type": header.observation_type,
        "species_id": header.species_id,
        "gbif_key": header.gbif_key,
        "track_id": header.track_id,
    }
    head = _packer.pack_map_header(len(fields) + 1)
    head += b"".join(_packer.pack(key) + _packer.pack(value) for key, value in fields.items())
    return bytes(head + _packer.pack("data") + _packer.pack_array_header(count))


def _header_map(header: FramesHeader) -> dict[str, Any]:
    return {
        **header.extra,
        "schema": "frames",
        "schema_version": list(VERSION),
        "classification_type": header.classification_type,
        "classification_id": header.classification_id,
        "base_timestamp": header.base_timestamp,
        "timezone": header.timezone,
        "fps": header.fps,
        "duration": header.duration,
        "classification_model": header.classification_model,
        "width": header.width,
        "height": header.height,
        "frame_count": header.frame_count,
        "keypoint_names": header.keypoint_names,
        "producer": header.producer or PRODUCER,
    }


def write(
    header: FramesHeader, objects: Iterable[tuple[ObjectHeader, Iterable[FrameSample]]], target: IO[bytes]
) -> list[tuple[ObjectHeader, list[FrameSample]]]:
    """Writes a payload of objects and their samples, which may come one by one. Gives the first samples of each."""
    with Assembly() as assembly:
        for head, samples in islice(objects, OBJECTS_MAX + 1):
            track = assembly.begin()
            for sample in samples:
                assembly.add(track, sample)
            assembly.end(track, head)
        assembly.write(header, target)
        return [(head, track.first) for head, track in assembly.tracks]
