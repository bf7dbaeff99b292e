"""Detections are linked to objects by overlap, and an object's label is the one with most votes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.formats.media.tracks import Detection, iou, link_tracks
from tests.fuzz import examples


def seen(frame, x, label="animal", confidence=0.9, y=0.1):
    return Detection(frame, (x, y, 0.2, 0.2), label, confidence, None)


def frames_of(tracks):
    return [[each.frame_index for each in track.detections] for track in tracks]


def test_an_object_that_moves_is_one_object():
    assert frames_of(link_tracks([seen(frame, 0.1 + 0.02 * frame) for frame in range(10)])) == [list(range(10))]


def test_two_that_pass_are_two():
    one = [seen(frame, 0.1 + 0.02 * frame) for frame in range(10)]
    other = [seen(frame, 0.7 - 0.02 * frame, y=0.6) for frame in range(10)]
    assert frames_of(link_tracks([*one, *other])) == [list(range(10))] * 2


def test_in_a_frame_the_closest_pair_is_linked_first():
    near, far = seen(1, 0.11), seen(1, 0.16)
    tracks = link_tracks([seen(0, 0.1), far, near])
    assert [track.detections for track in tracks] == [[seen(0, 0.1), near], [far]]


def test_what_was_away_too_long_is_another():
    assert frames_of(link_tracks([seen(0, 0.1), seen(31, 0.1)], gap_frames_max=30)) == [[0], [31]]
    assert frames_of(link_tracks([seen(0, 0.1), seen(30, 0.1)], gap_frames_max=30)) == [[0, 30]]


def test_little_overlap_is_none():
    assert frames_of(link_tracks([seen(0, 0.1), seen(1, 0.25)], iou_min=0.5)) == [[0], [1]]
    assert frames_of(link_tracks([seen(0, 0.1), seen(1, 0.25)], iou_min=0.1)) == [[0, 1]]


def test_votes_are_weighted_by_confidence():
    [track] = link_tracks([seen(0, 0.1, "fox", 0.3), seen(1, 0.1, "dog", 0.9), seen(2, 0.1, "fox", 0.4)])
    assert track.label == "dog"
    [track] = link_tracks([seen(0, 0.1, "fox", 0.5), seen(1, 0.1, "dog", 0.5)])
    assert track.label == "dog"


def test_overlap_is_that_of_areas():
    assert iou((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert iou((0, 0, 0.5, 1), (0.5, 0, 0.5, 1)) == 0
    assert round(iou((0, 0, 0.5, 1), (0.25, 0, 0.5, 1)), 6) == round(1 / 3, 6)


PLACES = st.floats(0, 0.8)
DETECTIONS = st.lists(st.builds(seen, st.integers(0, 60), PLACES, st.sampled_from(["fox", "dog"]), st.floats(0, 1)))


@settings(**examples(100))
@given(DETECTIONS)
def test_nothing_is_lost_or_doubled_and_a_track_has_one_box_in_a_frame(detections):
    tracks = link_tracks(detections)
    linked = [each for track in tracks for each in track.detections]
    assert sorted(map(id, linked)) == sorted(map(id, detections))
    assert all(frames == sorted(set(frames)) for frames in frames_of(tracks))
    assert frames_of(link_tracks(detections)) == frames_of(tracks)
