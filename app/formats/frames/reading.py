"""Reading a payload from outside: streamed, checked against every rule, and written anew with an index.

Keys may come in any order, also an object's samples before its id. So samples are written to a temporary file as they
come, and what depends on the whole is checked at the end.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgpack

from app.formats.frames.codes import FramesCode, UnreadableFrames
from app.formats.frames.samples import (
    DEPTH_MAX,
    DIMENSION_MAX,
    DURATION_S_MAX,
    FPS_MAX,
    INTEGER_MAX,
    KEYPOINTS_MAX,
    OBJECTS_MAX,
    SAMPLES_MAX,
    SAMPLES_PER_OBJECT_MAX,
    VERSION,
    FramesHeader,
    ObjectHeader,
    number,
    refuse,
    sample,
    text,
    whole,
)
from app.formats.frames.writing import Assembly, Track
from app.formats.frames.zstd import BoundedReader
from app.security import private_files

# One value that is no list of samples: a few kB, or an index.
VALUE_BYTES_MAX = 2 * 2**20
MAP_KEYS_MAX = 1_000
EXTRA_BYTES_MAX = 65_536
TYPES = ("AI", "USER", "FEEDBACK")
OBSERVATIONS = ("human", "animal", "vehicle", "blank", "unknown", "unclassified")
HEADER_KEYS = set(FramesHeader.__dataclass_fields__) - {"extra"}
OBJECT_KEYS = set(ObjectHeader.__dataclass_fields__) - {"extra"}
# Written anew, not taken over.
DROPPED = {"schema", "schema_version", "index"}
REQUIRED = ("classification_type", "classification_id", "objects")


def sift(source: str, target: str, object_ids: Collection[int] | None) -> dict[str, Any]:
    """For a parsing child: as `transcode`, with a refusal as a value, since only its message would come back."""
    try:
        with open(source, "rb") as file, private_files.opened(Path(target), "wb") as out:  # noqa: PTH123
            return transcode(file, out, object_ids=object_ids)
    except UnreadableFrames as refused:
        return {"code": refused.code.value, "message": refused.message}


def sift_renamed(source: str, target: str, classification_id: int, objects: Sequence[Sequence[int | None]]) -> str:
    """For a parsing child: writes a payload for another classification; a refusal as its code, else nothing.

    objects: for each object its id, its new id, and its taxon if that is known.
    """
    renamed = Renamed(classification_id, {old: (new, taxon) for old, new, taxon in objects if old and new})
    try:
        with open(source, "rb") as file, private_files.opened(Path(target), "wb") as out:  # noqa: PTH123
            transcode(file, out, object_ids=renamed.objects, renamed=renamed)
    except UnreadableFrames as refused:
        return refused.code.value
    return ""


class Renamed(NamedTuple):
    """The ids that a payload gets: of its classification, and of each object with its taxon."""

    classification_id: int
    objects: Mapping[int, tuple[int, int | None]]


def transcode(
    file: IO[bytes],
    target: IO[bytes],
    *,
    object_ids: Collection[int] | None = None,
    renamed: Renamed | None = None,
) -> dict[str, Any]:
    """Reads a payload and writes it with an index; tells its header and the first samples of each object.

    With `object_ids`, its objects must be these.
    """
    reader = BoundedReader(file)
    unpacker = msgpack.Unpacker(
        reader,
        raw=False,
        strict_map_key=True,
        object_pairs_hook=_pairs,
        max_buffer_size=VALUE_BYTES_MAX,
        max_array_len=SAMPLES_MAX,
        max_map_len=MAP_KEYS_MAX,
        max_ext_len=0,
    )
    with Assembly() as assembly:
        header = _payload(_Values(unpacker), assembly)
        _nothing_after(unpacker, reader)
        reader.finish()
        ids = {head.id for head, _ in assembly.tracks}
        if object_ids is not None and ids != set(object_ids):
            raise refuse(FramesCode.OBJECTS_MISMATCH, "The objects are not those of the classification.")
        if renamed is not None:
            header = replace(header, classification_id=renamed.classification_id)
            assembly.tracks = [(_renamed(head, renamed), track) for head, track in assembly.tracks]
        assembly.write(header, target)
        objects = [
            {"id": head.id, "count": track.count, "first": [list(each) for each in track.first]}
            for head, track in assembly.tracks
        ]
        return {"header": {**asdict(header), "extra": {}}, "objects": objects}


def _renamed(header: ObjectHeader, renamed: Renamed) -> ObjectHeader:
    new, taxon = renamed.objects[header.id]
    return replace(header, id=new, species_id=taxon)


class _Values:
    """What an unpacker reads, each fault of the format by its code."""

    def __init__(self, unpacker: msgpack.Unpacker) -> None:
        self._unpacker = unpacker

    def map_length(self) -> int:
        """The number of keys of the map that comes next."""
        length: int = self._read(self._unpacker.read_map_header)
        if length > MAP_KEYS_MAX:
            raise refuse(FramesCode.VALUE_TOO_LARGE, f"A map may have at most {MAP_KEYS_MAX:,} keys.")
        return length

    def list_length(self) -> int:
        """The number of items of the list that comes next."""
        length: int = self._read(self._unpacker.read_array_header)
        return length

    def key(self, known: Collection[str]) -> str:
        """A key of a map, which has not been there."""
        key = self._read(self._unpacker.unpack)
        if not isinstance(key, str):
            raise refuse(FramesCode.KEY_NOT_TEXT, "The keys of maps must be texts.")
        if key in known:
            raise refuse(FramesCode.DUPLICATE_KEY, f"The key `{text('key', key)}` is there twice.")
        return text("key", key)

    def value(self) -> Any:
        """A whole value."""
        value = self._read(self._unpacker.unpack)
        _check_depth(value)
        return value

    def _read(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except UnreadableFrames:
            raise
        except msgpack.OutOfData:
            raise refuse(FramesCode.TRUNCATED, "The payload ends in the middle of a value.") from None
        except msgpack.BufferFull:
            raise refuse(FramesCode.VALUE_TOO_LARGE, f"A value is larger than {VALUE_BYTES_MAX:,} bytes.") from None
        except msgpack.StackError:
            raise refuse(FramesCode.TOO_DEEP, f"Values may be nested {DEPTH_MAX} deep.") from None
        except UnicodeDecodeError:
            raise refuse(FramesCode.WRONG_TYPE, "A text is not UTF-8.") from None
        except msgpack.FormatError:
            raise refuse(FramesCode.NOT_MSGPACK, "The payload is not msgpack.") from None
        except ValueError as error:
            raise _by_words(str(error)) from None


def _by_words(message: str) -> UnreadableFrames:
    """The fault behind an unpacker's ValueError, which has no classes for them."""
    if "not allowed for map key" in message:
        return refuse(FramesCode.KEY_NOT_TEXT, "The keys of maps must be texts.")
    if "exceeds max" in message:
        return refuse(FramesCode.VALUE_TOO_LARGE, "A length in the payload is beyond every limit.")
    if "Unexpected type header" in message:
        return refuse(FramesCode.WRONG_TYPE, "A map or a list is expected where another value is.")
    return refuse(FramesCode.NOT_MSGPACK, "The payload is not msgpack.")


def _pairs(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise refuse(FramesCode.KEY_NOT_TEXT, "The keys of maps must be texts.")
        if key in mapping:
            raise refuse(FramesCode.DUPLICATE_KEY, f"The key `{text('key', key)}` is there twice.")
        mapping[key] = value
    return mapping


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [each for item in level if isinstance(item, dict | list) for each in _items(item)]:
        depth += 1
        if depth > DEPTH_MAX:
            raise refuse(FramesCode.TOO_DEEP, f"Values may be nested {DEPTH_MAX} deep.")


def _items(value: Any) -> Collection[Any]:
    return value.values() if isinstance(value, dict) else value


def _nothing_after(unpacker: msgpack.Unpacker, reader: BoundedReader) -> None:
    end = unpacker.tell()
    with suppress(msgpack.OutOfData, ValueError):
        unpacker.skip()  # reads on, whatever comes
    if reader.total > end:
        raise refuse(FramesCode.TRAILING_VALUES, "Values follow the payload's map.")


def _payload(values: _Values, assembly: Assembly) -> FramesHeader:
    fields: dict[str, Any] = {}
    for _ in range(values.map_length()):
        key = values.key(fields)
        if key == "objects":
            _objects(values, assembly)
        fields[key] = None if key == "objects" else values.value()
    if missing := [name for name in REQUIRED if name not in fields]:
        raise refuse(FramesCode.MISSING_KEY, f"The payload has no `{missing[0]}`.")
    _check_version(fields.get("schema_version"))
    return _header(fields)


def _objects(values: _Values, assembly: Assembly) -> None:
    length = values.list_length()
    if length > OBJECTS_MAX:
        raise refuse(FramesCode.TOO_MANY_OBJECTS, f"A payload may have at most {OBJECTS_MAX:,} objects.")
    for _ in range(length):
        track = assembly.begin()
        fields: dict[str, Any] = {}
        for _ in range(values.map_length()):
            key = values.key(fields)
            if key == "data":
                _samples(values, assembly, track)
            fields[key] = None if key == "data" else values.value()
        assembly.end(track, _object(fields))


def _samples(values: _Values, assembly: Assembly, track: Track) -> None:
    length = values.list_length()
    if length > SAMPLES_PER_OBJECT_MAX:
        raise refuse(
            FramesCode.TOO_MANY_SAMPLES_OF_OBJECT, f"An object may have at most {SAMPLES_PER_OBJECT_MAX:,} samples."
        )
    for _ in range(length):
        assembly.add(track, sample(values.value()))


def _object(fields: dict[str, Any]) -> ObjectHeader:
    for name in ("id", "data"):
        if name not in fields:
            raise refuse(FramesCode.MISSING_KEY, f"An object has no `{name}`.")
    observation, gbif_key, track_id = fields.get("observation_type"), fields.get("gbif_key"), fields.get("track_id")
    if observation is not None and text("observation_type", observation).lower() not in OBSERVATIONS:
        raise refuse(FramesCode.VALUE_OUT_OF_RANGE, f"`observation_type` must be one of {', '.join(OBSERVATIONS)}.")
    species_id = fields.get("species_id")
    return ObjectHeader(
        whole("id", fields["id"], least=1),
        None if observation is None else observation.lower(),
        None if species_id is None else whole("species_id", species_id),
        None if gbif_key is None else text("gbif_key", str(gbif_key) if isinstance(gbif_key, int) else gbif_key),
        track_id if track_id is None or isinstance(track_id, int) else text("track_id", track_id),
        _extra(fields, OBJECT_KEYS | {"data"}),
    )


def _check_version(version: Any) -> None:
    """Passes for payloads of the documented kind, which have no version, and for ours of the same major version."""
    if version is None:
        return
    if not isinstance(version, list) or not version:
        raise refuse(FramesCode.WRONG_TYPE, "`schema_version` must be [major, minor].")
    if whole("schema_version", version[0]) > VERSION[0]:
        raise refuse(
            FramesCode.UNKNOWN_VERSION, f"Version {version[0]} is newer than {VERSION[0]}, the newest we read."
        )


def _header(fields: dict[str, Any]) -> FramesHeader:
    kind = text("classification_type", fields["classification_type"])
    if kind not in TYPES:
        raise refuse(FramesCode.VALUE_OUT_OF_RANGE, f"`classification_type` must be one of {', '.join(TYPES)}.")

    def optional(name: str, read: Callable[[str, Any], Any]) -> Any:
        return None if fields.get(name) is None else read(name, fields[name])

    return FramesHeader(
        kind,
        whole("classification_id", fields["classification_id"]),
        optional("base_timestamp", text),
        optional("timezone", text),
        optional("fps", lambda name, value: _positive(name, value, FPS_MAX)),
        optional("duration", lambda name, value: _positive(name, value, DURATION_S_MAX)),
        optional("classification_model", text),
        optional("width", lambda name, value: whole(name, value, least=1, most=DIMENSION_MAX)),
        optional("height", lambda name, value: whole(name, value, least=1, most=DIMENSION_MAX)),
        optional("frame_count", lambda name, value: whole(name, value, most=INTEGER_MAX)),
        optional("keypoint_names", _names),
        optional("producer", _map),
        _extra(fields, HEADER_KEYS | DROPPED | {"objects"}),
    )


def _positive(name: str, value: Any, most: float) -> float:
    checked = number(name, value)
    if not 0 <= checked <= most:
        raise refuse(FramesCode.VALUE_OUT_OF_RANGE, f"`{name}` must be from 0 to {most:,}.")
    return checked


def _names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise refuse(FramesCode.WRONG_TYPE, f"`{name}` must be a list of texts.")
    if len(value) > KEYPOINTS_MAX:
        raise refuse(FramesCode.TOO_MANY_KEYPOINTS, f"A payload may have at most {KEYPOINTS_MAX} keypoints.")
    return tuple(text(name, each) for each in value)


def _map(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refuse(FramesCode.WRONG_TYPE, f"`{name}` must be a map.")
    return _extra(value, set())


def _extra(fields: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """What we do not know is kept, if it is little."""
    extra = {key: value for key, value in fields.items() if key not in known}
    if len(msgpack.packb(extra)) > EXTRA_BYTES_MAX:
        raise refuse(FramesCode.VALUE_TOO_LARGE, f"Unknown keys may take at most {EXTRA_BYTES_MAX:,} bytes.")
    return extra
