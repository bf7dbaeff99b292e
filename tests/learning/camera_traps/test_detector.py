"""MegadetectorLite: the network of the reference implementation, zamba's scaling, every animal once."""

import io
import json

import av
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from app.learning.camera_traps import detector, pictures, tasks
from app.learning.camera_traps.detector import apart, detections, letterboxed
from app.learning.camera_traps.pictures import NoPicture
from app.learning.engine import Cancelled, Failure
from app.learning.networks.yolox import Yolox
from app.settings import settings
from app.weights import MEGADETECTOR_LITE
from tests.learning.animals import BEAST_BOX, BEAST_SCORE, beast

WHOLE = np.array(BEAST_BOX, np.float32) / 640


@pytest.fixture(scope="module")
def detect():
    return detector.megadetector_lite(MEGADETECTOR_LITE.path)


@pytest.fixture
def report():
    said = []

    def report(stage, progress, message, *, eta_s=None, epoch=None):
        said.append((stage, progress, message))

    report.said = said
    return report


def jpeg(picture, orientation=None):
    file, exif = io.BytesIO(), Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.fromarray(picture).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def video(path, frames, rate=5):
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def ask(folder, media, report, cancelled=lambda: False, **changed):
    request = tasks.DetectionRequest(weights=str(MEGADETECTOR_LITE.path), media=media, **changed)
    counts = tasks.find(folder, request, report, cancelled)
    return counts, [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_boxes_are_those_of_the_reference_implementation(detect):
    boxes, scores = detect(beast(), 0.25)
    assert len(boxes) == 1
    assert boxes[0] == pytest.approx(WHOLE, abs=1e-4)
    assert scores[0] == pytest.approx(BEAST_SCORE, abs=1e-4)


def test_the_whole_answer_of_the_network_is_that_of_the_reference_implementation():
    found = np.asarray(Yolox.read(MEGADETECTOR_LITE.path)(jnp.asarray(beast()[None])))[0]
    assert found.shape == (80 * 80 + 40 * 40 + 20 * 20, 5)
    assert found[:, 4].sum() == pytest.approx(3.9414279, abs=1e-3)
    assert list(np.argsort(-found[:, 4])[:3]) == [7219, 7259, 7220]


def test_ground_without_an_animal_is_empty(detect):
    waves = np.random.default_rng(1).integers(90, 120, (240, 320, 3), np.uint8)
    assert [len(part) for part in detect(waves, 0.25)] == [0, 0]


@pytest.mark.parametrize(("shape", "inner"), [((3, 4), (480, 640)), ((4, 3), (640, 480)), ((100, 1280), (50, 640))])
def test_pictures_are_scaled_into_the_upper_left_corner_and_the_rest_is_black(shape, inner):
    found = letterboxed(np.full((*shape, 3), 200, np.uint8))
    assert found.shape == (640, 640, 3)
    assert (found[: inner[0], : inner[1]] == 200).all()
    assert not found[inner[0] :].any()
    assert not found[:, inner[1] :].any()


def test_boxes_are_relative_to_a_picture_that_is_wider_than_high(detect):
    wide = np.pad(beast(), ((0, 0), (0, 320), (0, 0)), mode="reflect")
    boxes, _ = detect(wide, 0.1)
    # The same in the square that it is scaled to, whose boxes are relative to 640 pixels.
    in_square, _ = detect(letterboxed(wide), 0.1)
    assert len(boxes) == len(in_square) > 0
    assert boxes * [960, 640, 960, 640] == pytest.approx(in_square * 960, abs=0.05)


def test_of_boxes_that_overlap_the_best_is_kept():
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30], [0, 0, 10, 3]], np.float32)
    assert apart(corners, np.array([0.5, 0.9, 0.3, 0.4], np.float32), 0.45) == [1, 3, 2]
    assert apart(corners[:0], np.zeros(0, np.float32), 0.45) == []


def test_a_box_beyond_the_edge_is_cut_and_one_outside_is_none():
    corners = np.array([[0.09690314, 0.04301501, 0.9931333, 1.0082883], [1.1, 0.1, 1.2, 0.2]], np.float32)
    [found] = detections(corners, np.array([0.9, 0.8], np.float32))
    assert found.box == pytest.approx((0.0969, 0.04302, 0.89623, 0.95698), abs=1e-5)
    assert found.box[1] + found.box[3] <= 1


# Of files


@pytest.mark.parametrize(("orientation", "turned"), [(1, lambda p: p), (6, np.rot90), (3, lambda p: p[::-1, ::-1])])
def test_photos_are_seen_upright(orientation, turned, tmp_path, report):
    (tmp_path / "a").write_bytes(jpeg(np.ascontiguousarray(turned(beast())), orientation))
    counts, [found] = ask(tmp_path, [{"id": 4, "file": "a", "is_video": False}], report)
    [[animal]] = [frame["objects"] for frame in found["frames"]]
    left, top, width, height = animal["box"]
    assert [left, top, left + width, top + height] == pytest.approx(WHOLE, abs=0.01)
    assert (animal["label"], counts) == ("animal", {"media": 1, "failed": 0, "objects": 1})


@pytest.mark.parametrize(
    ("content", "is_video", "reason"),
    [
        (b"", False, "The picture cannot be read."),
        (b"\xff\xd8\xff\xe0 no more of it", False, "The picture cannot be read."),
        (jpeg(beast())[:9_000], False, "The picture cannot be read."),
        (b"RIFF and nothing else", True, "The video cannot be read."),
        (b"", True, "The video cannot be read."),
        (jpeg(beast()), True, None),
    ],
)
def test_a_file_that_cannot_be_read_has_its_reason_and_stops_no_other(content, is_video, reason, tmp_path, report):
    (tmp_path / "bad").write_bytes(content)
    (tmp_path / "good").write_bytes(jpeg(beast()))
    media = [{"id": 1, "file": "bad", "is_video": is_video}, {"id": 2, "file": "good", "is_video": False}]
    _, [bad, good] = ask(tmp_path, media, report)
    assert bad.get("failure") == reason
    assert len(good["frames"][0]["objects"]) == 1


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(jpeg(beast()))
    monkeypatch.setattr(settings, "medium_pixels_max", 640 * 640 - 1)
    with pytest.raises(NoPicture, match="too many pixels"):
        pictures.photo(tmp_path / "a")


def test_of_a_video_some_frames_are_looked_at(tmp_path, report):
    small = beast()[::2, ::2]
    empty = np.full_like(small, 120)
    video(tmp_path / "v", [small if 5 <= number < 10 else empty for number in range(15)])
    media = [{"id": 7, "file": "v", "is_video": True}]
    _, [found] = ask(tmp_path, media, report, video_fps=1.0)
    assert [(frame["frame"], len(frame["objects"])) for frame in found["frames"]] == [(0, 0), (5, 1), (10, 0)]
    assert (found["width"], found["height"]) == (320, 320)
    assert list(pictures.numbered(tmp_path / "v", {3, 14, 99})) == [3, 14]


def test_a_task_that_is_cancelled_stops_between_two_media(tmp_path, report):
    (tmp_path / "a").write_bytes(jpeg(beast()))
    with pytest.raises(Cancelled):
        ask(tmp_path, [{"id": 1, "file": "a", "is_video": False}], report, cancelled=lambda: True)


def test_weights_that_are_damaged_are_refused_in_words(tmp_path):
    (tmp_path / "w").write_bytes(b"nothing")
    with pytest.raises(Failure, match=r"cannot be read\. Run: fieldgraph weights --again"):
        detector.megadetector_lite(tmp_path / "w")


def test_crops_are_squares_around_their_boxes_and_grey_beyond_the_picture():
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[40:60, 90:110] = 255
    found = pictures.crop(picture, (0.45, 0.4, 0.1, 0.2), 24, margin=0.1)
    assert found.shape == (24, 24, 3)
    assert found[12, 12].tolist() == [255] * 3
    assert found[0, 0].tolist() == [0] * 3
    at_edge = pictures.crop(picture, (0.0, 0.0, 0.05, 0.5), 24)
    assert at_edge[12, 0].tolist() == [127] * 3
