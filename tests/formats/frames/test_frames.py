"""Frames: what is documented is read, what we write is read back, and each hostile payload has its own code."""

import io
import math
import resource

import msgpack
import pytest
import zstandard

from app.errors import Unreadable
from app.formats import frames
from app.formats.frames import FrameSample, FramesCode, read_header, read_range, transcode
from app.formats.frames import samples as limits

SAMPLE = {"frame_index": 0, "bbox": [0.1, 0.2, 0.3, 0.4], "confidence": 0.9, "distance": 5.0}
MIB = 2**20


def payload(**fields):
    """A payload of the documented kind, without a version."""
    given = {
        "classification_type": "AI",
        "classification_id": 7,
        "base_timestamp": "2026-05-01T06:00:00+00:00",
        "timezone": "Europe/Warsaw",
        "fps": 30.0,
        "duration": 10.0,
        "classification_model": "MegaDetector",
        "objects": [thing()],
    }
    return {**given, **fields}


def thing(id=1, **fields):
    return {"id": id, "data": [SAMPLE], "observation_type": "animal", **fields}


def packed(value, **options):
    return zstandard.ZstdCompressor(**options).compress(msgpack.packb(value, use_bin_type=True))


def raw(content):
    return zstandard.ZstdCompressor().compress(content)


def read(content, **options):
    target = io.BytesIO()
    said = transcode(io.BytesIO(content), target, **options)
    return said, target.getvalue()


def refused(content, **options):
    """The code by which a payload is refused; nothing of it is written."""
    target = io.BytesIO()
    with pytest.raises(Unreadable) as caught:
        transcode(io.BytesIO(content), target, **options)
    assert target.getvalue() == b""
    return caught.value.code


def ranged(content, **options):
    return read_range(io.BytesIO(content), **{"samples_max": 10**6, **options})


def frames_of(content, **options):
    return [[sample.frame_index for sample in found] for _, found in ranged(content, **options).objects]


def track(count, step=1):
    return [{**SAMPLE, "frame_index": number * step} for number in range(count)]


def test_a_documented_payload_is_read_and_written_with_all_it_says():
    said, written = read(packed(payload()))
    assert said["objects"] == [{"id": 1, "count": 1, "first": [[0, (0.1, 0.2, 0.3, 0.4), 0.9, 5.0, None, False]]}]
    header = read_header(io.BytesIO(written))
    assert (header.classification_type, header.classification_id, header.classification_model) == (
        "AI",
        7,
        "MegaDetector",
    )
    assert (header.fps, header.duration, header.timezone) == (30.0, 10.0, "Europe/Warsaw")
    [(about, [sample])] = ranged(written).objects
    assert (about.id, about.observation_type) == (1, "animal")
    assert sample == FrameSample(0, (0.1, 0.2, 0.3, 0.4), 0.9, 5.0)


def test_others_read_what_we_write_as_the_documentation_says():
    _, written = read(packed(payload()))
    unpacked = msgpack.unpackb(zstandard.ZstdDecompressor().decompressobj().decompress(written))
    assert list(unpacked)[-1] == "objects"
    assert set(payload()) <= set(unpacked)
    [found] = unpacked["objects"]
    assert found["id"] == 1
    assert found["data"][0]["frame_index"] == 0
    assert found["data"][0]["bbox"] == pytest.approx([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("options", [{"write_content_size": False}, {"write_checksum": True}, {"level": 19}])
def test_every_way_to_pack_is_read(options):
    said, _ = read(packed(payload(), **options))
    assert len(said["objects"]) == 1


def test_keys_may_come_in_any_order():
    unordered = dict(reversed(payload(objects=[dict(reversed(thing().items()))]).items()))
    assert next(iter(unordered)) == "objects"
    assert read(packed(unordered)) == read(packed(payload()))


@pytest.mark.parametrize(
    "sample",
    [
        {"frame": 0, "bboxes": [[0.1, 0.2, 0.3, 0.4]], "conf": 0.9, "distance": 5},
        {"frame_index": 0, "bbox": [0.1, 0.2, 0.3, 0.4], "classification_confidence": 0.9, "distance": 5.0, "new": 1},
    ],
)
def test_other_names_of_a_samples_keys_are_understood(sample):
    assert read(packed(payload(objects=[thing(data=[sample])]))) == read(packed(payload()))


def test_what_we_do_not_know_is_kept():
    _, written = read(packed(payload(camera={"lens": 2}, objects=[thing(colour="red")])))
    assert read_header(io.BytesIO(written)).extra == {"camera": {"lens": 2}}
    [(about, _)] = ranged(written).objects
    assert about.extra == {"colour": "red"}


def test_what_was_read_once_is_the_same_file_ever_after():
    _, once = read(packed(payload(objects=[thing(data=track(600, step=1)[:250]), thing(2)])))
    _, twice = read(once)
    assert once == twice


def test_a_box_that_reaches_over_the_edge_by_rounding_is_clipped():
    said, _ = read(packed(payload(objects=[thing(data=[{**SAMPLE, "bbox": [-0.0005, 0.6, 0.3, 0.4005]}])])))
    assert said["objects"][0]["first"][0][1] == (0.0, 0.6, 0.2995, 0.4)


def test_an_image_has_one_sample_of_frame_0():
    said, _ = read(packed(payload(fps=None, duration=None)))
    assert said["header"]["fps"] is None


LONG = packed(payload(duration=100.0, objects=[thing(data=track(3_000)), thing(2, data=track(600, step=5)), thing(3)]))


@pytest.fixture(scope="module")
def long():
    return read(LONG)[1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [list(range(3_000)), list(range(0, 3_000, 5)), [0]]),
        ({"from_frame": 255, "to_frame": 257}, [[255, 256, 257], [255], []]),
        ({"from_frame": 2_998}, [[2_998, 2_999], [], []]),
        ({"object_ids": [2], "to_frame": 12}, [[0, 5, 10]]),
        ({"object_ids": [2, 3], "from_frame": 1, "to_frame": 30, "stride": 3}, [[5, 20], []]),
        ({"object_ids": []}, []),
        ({"object_ids": [9]}, []),
        ({"from_frame": 5_000}, [[], [], []]),
        ({"from_frame": 10, "to_frame": 5}, [[], [], []]),
    ],
)
def test_a_range_has_the_frames_asked_for(long, options, expected):
    assert frames_of(long, **options) == expected


def test_a_range_has_a_limit(long):
    with pytest.raises(Unreadable) as caught:
        ranged(long, samples_max=100)
    assert caught.value.code is FramesCode.TOO_MANY_SAMPLES


def without(*keys, of=None):
    of = of or payload()
    return {key: value for key, value in of.items() if key not in keys}


def bomb(size):
    return raw(bytes(size))


def far(level):
    """A frame whose window is larger than anyone needs."""
    parameters = zstandard.ZstdCompressionParameters.from_level(level, window_log=27, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(
        compression_params=parameters,
    ).compressobj()
    return compressor.compress(msgpack.packb(payload())) + compressor.flush()


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def with_sample(**fields):
    return packed(payload(objects=[thing(data=[{**SAMPLE, **fields}])]))


WHOLE = packed(payload())
HOSTILE = {
    "no bytes": (lambda: b"", FramesCode.NOT_ZSTD),
    "no zstd": (lambda: b"PK\x03\x04 and so on", FramesCode.NOT_ZSTD),
    "a broken frame": (lambda: WHOLE[:12] + b"\xff\xff\xff" + WHOLE[15:], FramesCode.NOT_ZSTD),
    "half a frame": (lambda: WHOLE[: len(WHOLE) // 2], FramesCode.TRUNCATED),
    "bytes behind it": (lambda: WHOLE + b"x", FramesCode.TRAILING_BYTES),
    "a second frame": (lambda: WHOLE + WHOLE, FramesCode.TRAILING_BYTES),
    "half a GiB declared": (lambda: bomb(512 * MIB), FramesCode.TOO_MANY_BYTES),
    "a large window": (lambda: far(3), FramesCode.WINDOW_TOO_LARGE),
    "no msgpack": (lambda: raw(b"\x81\xa1x\xc1"), FramesCode.NOT_MSGPACK),
    "a list": (lambda: packed([1]), FramesCode.WRONG_TYPE),
    "a length that lies": (lambda: raw(b"\xdf\x00\x00\x00\x09\xa1x\x01"), FramesCode.TRUNCATED),
    "4 billion objects": (lambda: raw(b"\x81\xa7objects\xdd\xff\xff\xff\xff"), FramesCode.TOO_MANY_OBJECTS),
    "a value behind it": (lambda: raw(msgpack.packb(payload()) + b"\x01"), FramesCode.TRAILING_VALUES),
    "half a value behind it": (lambda: raw(msgpack.packb(payload()) + b"\x91"), FramesCode.TRAILING_VALUES),
    "nested deeply": (lambda: packed(payload(new=nested(500))), FramesCode.TOO_DEEP),
    "nested beyond the parser": (lambda: raw(b"\x81\xa1x" + b"\x91" * 5_000 + b"\x01"), FramesCode.TOO_DEEP),
    "a key twice": (lambda: raw(b"\x82\xa3fps\x01\xa3fps\x02"), FramesCode.DUPLICATE_KEY),
    "a key of a sample twice": (
        lambda: raw(b"\x81\xa7objects\x91\x81\xa4data\x91\x82\xa5frame\x00\xa5frame\x01"),
        FramesCode.DUPLICATE_KEY,
    ),
    "a number for a key": (lambda: raw(b"\x81\x01\x02"), FramesCode.KEY_NOT_TEXT),
    "bytes for a key": (lambda: raw(b"\x81\xc4\x01x\x02"), FramesCode.KEY_NOT_TEXT),
    "an extension": (lambda: packed(payload(new=msgpack.ExtType(5, b"12"))), FramesCode.VALUE_TOO_LARGE),
    "NaN": (lambda: with_sample(confidence=math.nan), FramesCode.NOT_FINITE),
    "infinity": (lambda: with_sample(bbox=[0, 0, math.inf, 1]), FramesCode.NOT_FINITE),
    "a truth for a number": (lambda: with_sample(confidence=True), FramesCode.WRONG_TYPE),
    "a text for a number": (lambda: with_sample(frame_index="3"), FramesCode.WRONG_TYPE),
    "bytes for a text": (lambda: packed(payload(timezone=b"UTC")), FramesCode.WRONG_TYPE),
    "a text that is no UTF-8": (lambda: raw(b"\x81\xa8timezone\xa1\xff"), FramesCode.WRONG_TYPE),
    "no objects": (lambda: packed(without("objects")), FramesCode.MISSING_KEY),
    "an object without id": (lambda: packed(payload(objects=[without("id", of=thing())])), FramesCode.MISSING_KEY),
    "a sample without frame": (lambda: with_sample(frame_index=None), FramesCode.MISSING_KEY),
    "a sample without box": (lambda: with_sample(bbox=None), FramesCode.MISSING_KEY),
    "a FINAL one": (lambda: packed(payload(classification_type="FINAL")), FramesCode.VALUE_OUT_OF_RANGE),
    "a newer version": (lambda: packed(payload(schema_version=[2, 0])), FramesCode.UNKNOWN_VERSION),
    "a long text": (lambda: packed(payload(timezone="x" * 2_000)), FramesCode.STRING_TOO_LONG),
    "a large value": (lambda: packed(payload(new="x" * 3 * MIB)), FramesCode.VALUE_TOO_LARGE),
    "much that is unknown": (lambda: packed(payload(new="x" * 100_000)), FramesCode.VALUE_TOO_LARGE),
    "many objects": (
        lambda: packed(payload(objects=[thing(id) for id in range(1, 1_002)])),
        FramesCode.TOO_MANY_OBJECTS,
    ),
    "two of one id": (lambda: packed(payload(objects=[thing(), thing()])), FramesCode.DUPLICATE_OBJECT),
    "many keypoints": (lambda: with_sample(keypoints=[[0, 0, 1]] * 257), FramesCode.TOO_MANY_KEYPOINTS),
    "a sample without its keypoints": (
        lambda: packed(
            payload(keypoint_names=["nose", "tail"], objects=[thing(data=[{**SAMPLE, "keypoints": [[0, 0, 1]]}])])
        ),
        FramesCode.KEYPOINTS_MISMATCH,
    ),
    "a frame twice": (lambda: packed(payload(objects=[thing(data=[SAMPLE, SAMPLE])])), FramesCode.FRAMES_NOT_RISING),
    "frames backwards": (lambda: packed(payload(objects=[thing(data=track(3)[::-1])])), FramesCode.FRAMES_NOT_RISING),
    "a frame below 0": (lambda: with_sample(frame_index=-1), FramesCode.VALUE_OUT_OF_RANGE),
    "a frame after the end": (lambda: with_sample(frame_index=301), FramesCode.FRAME_AFTER_END),
    "an image with two frames": (
        lambda: packed(payload(fps=None, objects=[thing(data=track(2))])),
        FramesCode.IMAGE_WITH_SEVERAL_FRAMES,
    ),
    "a box without size": (lambda: with_sample(bbox=[0.1, 0.1, 0, 0.2]), FramesCode.BOX_OUT_OF_RANGE),
    "a box outside": (lambda: with_sample(bbox=[0.9, 0.1, 0.2, 0.2]), FramesCode.BOX_OUT_OF_RANGE),
    "a box beside it": (lambda: with_sample(bbox=[-0.2, 0.1, 0.2, 0.2]), FramesCode.BOX_OUT_OF_RANGE),
    "a confidence of 2": (lambda: with_sample(confidence=2), FramesCode.CONFIDENCE_OUT_OF_RANGE),
    "a distance below 0": (lambda: with_sample(distance=-1), FramesCode.DISTANCE_OUT_OF_RANGE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_payload_is_refused_by_its_code(name):
    content, code = HOSTILE[name]
    assert refused(content()) is code


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("SAMPLES_PER_OBJECT_MAX", FramesCode.TOO_MANY_SAMPLES_OF_OBJECT),
        ("SAMPLES_MAX", FramesCode.TOO_MANY_SAMPLES),
    ],
)
def test_samples_are_counted(monkeypatch, limit, code):
    for module in (frames.writing, frames.reading):
        monkeypatch.setattr(module, limit, 10)
    assert (
        refused(
            packed(payload(objects=[thing(data=track(6)), thing(2, data=track(6 if limit == "SAMPLES_MAX" else 11))]))
        )
        is code
    )


def test_compressed_bytes_are_counted(monkeypatch):
    monkeypatch.setattr(frames.zstd, "COMPRESSED_BYTES_MAX", 50)
    assert refused(WHOLE) is FramesCode.TOO_MANY_COMPRESSED_BYTES


def test_unpacked_bytes_are_counted_where_none_are_declared(monkeypatch):
    monkeypatch.setattr(frames.zstd, "BYTES_MAX", MIB)
    content = packed(payload(new="x" * 3 * MIB), write_content_size=False)
    assert zstandard.frame_content_size(content) == -1
    assert refused(content) in {FramesCode.TOO_MANY_BYTES, FramesCode.VALUE_TOO_LARGE}


def test_a_bomb_takes_no_memory():
    content = zstandard.ZstdCompressor(write_content_size=False).compress(
        b"\x81\xa3new\xdb\x0f\xff\xff\xff" + bytes(200 * MIB)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(content) is FramesCode.VALUE_TOO_LARGE
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1_024 < 64 * MIB


def test_the_objects_must_be_those_of_the_classification():
    assert refused(WHOLE, object_ids=[1, 2]) is FramesCode.OBJECTS_MISMATCH
    assert read(WHOLE, object_ids=[1])[0]["objects"][0]["id"] == 1


def test_each_code_is_held_by_a_case():
    elsewhere = {
        FramesCode.TOO_MANY_COMPRESSED_BYTES,
        FramesCode.TOO_MANY_SAMPLES_OF_OBJECT,
        FramesCode.TOO_MANY_SAMPLES,
        FramesCode.OBJECTS_MISMATCH,
    }
    assert {code for _, code in HOSTILE.values()} | elsewhere == set(FramesCode)


def test_limits_are_those_of_the_contract():
    assert (limits.COMPRESSED_BYTES_MAX, limits.BYTES_MAX) == (32 * MIB, 256 * MIB)
    assert (limits.OBJECTS_MAX, limits.SAMPLES_PER_OBJECT_MAX, limits.SAMPLES_MAX) == (1_000, 200_000, 2_000_000)
