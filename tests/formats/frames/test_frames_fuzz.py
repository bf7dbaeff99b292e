"""Any frames are read back as they were written, whole and by ranges; any bytes are read or refused."""

import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.formats import frames
from app.formats.frames import FrameSample, FramesHeader, ObjectHeader
from tests.formats.frames.test_frames import WHOLE, ranged, raw, read
from tests.fuzz import examples

SHARES = st.floats(0, 1).map(lambda value: round(value, 6))
BOXES = st.tuples(SHARES, SHARES, SHARES, SHARES).map(
    lambda each: (each[0] / 2, each[1] / 2, each[2] * 0.49 + 0.01, each[3] * 0.49 + 0.01)
)
SAMPLES = st.builds(
    FrameSample,
    st.just(0),
    BOXES,
    st.none() | SHARES,
    st.none() | st.floats(0, 500).map(lambda value: round(value, 3)),
    st.none() | st.lists(st.tuples(SHARES, SHARES, SHARES), min_size=2, max_size=2).map(tuple),
    st.booleans(),
)
TRACKS = st.lists(st.tuples(st.integers(1, 40), SAMPLES), max_size=700).map(
    lambda steps: [
        sample._replace(frame_index=index)
        for index, (_, sample) in zip(
            [sum(step for step, _ in steps[: place + 1]) for place in range(len(steps))], steps, strict=True
        )
    ]
)


@pytest.mark.fuzz
@settings(**examples(30))
@given(
    tracks=st.lists(TRACKS, max_size=3),
    low=st.integers(0, 4_000),
    length=st.integers(0, 4_000),
    stride=st.integers(1, 7),
)
def test_what_is_written_is_read_back_whole_and_by_ranges(tracks, low, length, stride):
    header = FramesHeader("AI", 1, fps=30.0)
    target = io.BytesIO()
    frames.write(header, [(ObjectHeader(number), track) for number, track in enumerate(tracks, 1)], target)
    close = ranged(target.getvalue())
    assert [len(found) for _, found in close.objects] == list(map(len, tracks))
    for (_, found), written in zip(close.objects, tracks, strict=True):
        for one, other in zip(found, written, strict=True):
            assert one.frame_index == other.frame_index
            assert one.bbox == pytest.approx(other.bbox, abs=2e-6)
            assert (one.distance, one.interpolated) == (other.distance, other.interpolated)
    part = ranged(target.getvalue(), from_frame=low, to_frame=low + length, stride=stride)
    assert [found for _, found in part.objects] == [
        [sample for sample in found if low <= sample.frame_index <= low + length][::stride]
        for _, found in close.objects
    ]
    _, again = read(target.getvalue())
    assert again == target.getvalue()


@pytest.mark.fuzz
@settings(**examples(200))
@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255), end=st.none() | st.integers(0, len(WHOLE)))
def test_a_payload_with_any_byte_changed_is_read_or_refused(place, byte, end):
    content = bytearray(WHOLE)
    content[place] = byte
    with suppress(frames.UnreadableFrames):
        read(bytes(content[:end]))


@pytest.mark.fuzz
@settings(**examples(200))
@given(content=st.binary(max_size=200))
def test_any_msgpack_is_read_or_refused(content):
    with suppress(frames.UnreadableFrames):
        read(raw(content))
