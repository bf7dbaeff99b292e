"""Media as cameras write them: by content, with what is written in them, and what is odd in them."""

from io import BytesIO

import pytest
from PIL import Image, features

from app.formats.media import exif, media_files, video_files
from app.settings import settings
from tests.wildlife.media import dated, picture, sha256, video


@pytest.fixture
def read(tmp_path):
    def read(content: bytes, name: str = "IMG_0001.JPG"):
        path = tmp_path / name
        path.write_bytes(content)
        return media_files.read(str(path))

    return read


def test_a_picture_says_what_it_is_and_what_its_camera_wrote(read):
    content = dated(
        "2021:04:11 20:43:09",
        SubsecTimeOriginal="25",
        OffsetTimeOriginal="+01:00",
        Make="RECONYX",
        Model="HYPERFIRE 2 COVERT\0\0\0rest of memory",
        BodySerialNumber=" H500-1 ",
        DateTime="2022:05:04 15:05:03",
    )
    found = read(content)
    assert found["error"] is None
    assert (found["resource_type"], found["mime_type"]) == ("IMAGE", "image/jpeg")
    assert (found["width"], found["height"]) == (64, 48)
    assert (found["size_bytes"], found["sha256"]) == (len(content), sha256(content))
    assert (found["camera_time"], found["camera_utc_offset_minutes"]) == ("2021-04-11T20:43:09.25", 60)
    assert (found["camera_make"], found["camera_model"]) == ("RECONYX", "HYPERFIRE 2 COVERT")
    assert found["serial_number"] == "H500-1"
    assert found["exif"]["DateTimeOriginal"] == "2021:04:11 20:43:09"


def test_how_bright_a_picture_is_tells_a_flash_from_none(read):
    assert read(picture(colour="black"))["brightness"] == pytest.approx(0.25, abs=0.01)
    file = BytesIO()
    Image.new("RGB", (64, 48), (4, 4, 4)).save(file, "JPEG")
    assert read(file.getvalue())["brightness"] == pytest.approx(4 / 255, abs=0.003)


@pytest.mark.parametrize(
    ("tags", "time", "offset"),
    [
        ({"DateTimeOriginal": "2021:04:11 20:43:09\0"}, "2021-04-11T20:43:09", None),
        ({"DateTimeOriginal": "2021-04-11T20:43:09"}, "2021-04-11T20:43:09", None),
        ({"DateTimeOriginal": "0000:00:00 00:00:00"}, None, None),
        ({"DateTimeOriginal": "2021:02:30 20:43:09"}, None, None),
        ({"DateTimeOriginal": "    :  :     :  :  "}, None, None),
        ({"DateTimeOriginal": "never"}, None, None),
        ({"DateTime": "2022:05:04 15:05:03"}, None, None),
        ({"DateTimeDigitized": "2021:04:11 20:43:09"}, "2021-04-11T20:43:09", None),
        ({"DateTimeOriginal": "1999:01:01 00:00:00"}, "1999-01-01T00:00:00", None),
        ({"DateTimeOriginal": "2021:04:11 20:43:09", "SubsecTimeOriginal": "000"}, "2021-04-11T20:43:09", None),
        ({"DateTimeOriginal": "2021:04:11 20:43:09", "OffsetTimeOriginal": "-0330"}, "2021-04-11T20:43:09", -210),
        ({"DateTimeOriginal": "2021:04:11 20:43:09", "OffsetTimeOriginal": "+99:00"}, "2021-04-11T20:43:09", None),
        ({"DateTimeOriginal": "2021:04:11 20:43:09", "OffsetTimeOriginal": "   :  "}, "2021-04-11T20:43:09", None),
    ],
)
def test_times_are_those_of_taking_the_picture_or_none(read, tags, time, offset):
    found = read(picture(**tags))
    assert (found["camera_time"], found["camera_utc_offset_minutes"]) == (time, offset)


def test_small_pictures_are_upright_and_hold_no_metadata(read):
    found = read(picture((600, 400), Orientation=6, Make="X"))
    assert (found["width"], found["height"]) == (400, 600)
    small = Image.open(BytesIO(found["thumbnail"]))
    assert (small.format, small.size, dict(small.getexif())) == ("WEBP", (267, 400), {})
    # The white corner was at the upper left and is now at the upper right.
    assert small.getpixel((250, 20))[0] > 200 > small.getpixel((20, 380))[0]
    assert Image.open(BytesIO(found["preview"])).size == (400, 600)


def test_positions_stay_in_the_original(read):
    image = Image.new("RGB", (8, 8))
    head = Image.Exif()
    head.get_ifd(0x8825)[2] = (52.0, 42.0, 0.0)
    file = BytesIO()
    image.save(file, "JPEG", exif=head)
    assert not any("GPS" in name for name in read(file.getvalue())["exif"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"\0" * 5_000, "The file begins with zeros only"),
        (b"RIFF\0\0\0\0AVI LIST", "The video or sound is broken"),
        (b"not a picture at all", "This is no picture, video or sound"),
        (picture()[:300], "This is no picture, video or sound"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is no picture, video or sound"),
        (b"PK\3\4 an archive", "This is no picture, video or sound"),
    ],
)
def test_what_cannot_be_read_says_why_and_keeps_its_identity(read, content, said):
    found = read(content)
    assert found["error"].startswith(said)
    assert (found["size_bytes"], found["sha256"]) == (len(content), sha256(content))
    assert found["thumbnail"] is None


@pytest.mark.parametrize(("name", "format"), [("CLIP.AVI", "PNG"), ("SOUND.WAV", "JPEG"), ("a", "GIF")])
def test_names_lie_and_content_counts(read, name, format):
    image = Image.new("RGB", (5, 4))
    file = BytesIO()
    image.save(file, format)
    assert read(file.getvalue(), name)["mime_type"] == f"image/{format.lower()}"


def test_a_picture_of_a_billion_pixels_is_not_unpacked(read, monkeypatch):
    monkeypatch.setattr(settings, "medium_pixels_max", 1_000)
    found = read(picture((64, 48)))
    assert found["error"] == "The picture has more than 0.001 million pixels."
    assert found["preview"] is None


def test_a_video_says_how_long_it_is_and_shows_its_first_frame(read, tmp_path):
    found = read(video(tmp_path / "made.mp4", frames=10, fps=5), "CLIP.MP4")
    assert found["error"] is None
    assert (found["resource_type"], found["mime_type"]) == ("VIDEO", "video/mp4")
    assert (found["width"], found["height"], found["fps"]) == (64, 64, 5.0)
    assert (found["frame_count"], found["declared_frame_count"]) == (10, 10)
    assert found["duration_s"] == pytest.approx(2.0)
    assert Image.open(BytesIO(found["thumbnail"])).size == (64, 64)


def test_frames_are_counted_whatever_is_declared(read, tmp_path):
    content = bytearray(video(tmp_path / "made.avi", frames=12, fps=6, container="avi"))
    # The total in the header of the file and of its stream: the camera's guess.
    for mark, offset in ((b"avih", 24), (b"strh", 40)):
        at = content.index(mark) + offset
        content[at : at + 4] = (500).to_bytes(4, "little")
    found = read(bytes(content), "PICT.AVI")
    assert (found["mime_type"], found["frame_count"], found["error"]) == ("video/x-msvideo", 12, None)


def test_a_video_that_breaks_off_is_read_to_there(read, tmp_path):
    whole = video(tmp_path / "made.avi", frames=60, fps=6, container="avi")
    found = read(whole[: len(whole) * 2 // 3], "PICT.AVI")
    assert found["error"] is None
    assert 0 < found["frame_count"] < 60


def test_a_video_without_frames_is_told(read, tmp_path):
    whole = video(tmp_path / "made.avi", frames=3, fps=6, container="avi")
    found = read(whole[: whole.index(b"movi")] + b"movi", "PICT.AVI")
    assert found["error"] in {
        "The video has no frame that can be decoded.",
        "The video or sound is broken: it cannot be opened.",
    }


def test_without_the_extra_videos_are_refused_in_words(read, tmp_path, monkeypatch):
    content = video(tmp_path / "made.mp4")
    monkeypatch.setattr(video_files, "find_spec", lambda _: None)
    found = read(content, "CLIP.MP4")
    assert found["error"] == video_files.MISSING
    assert read(picture())["error"] is None


def test_texts_are_as_people_read_them():
    assert exif.text("BTC\0\0\0") == "BTC"
    assert exif.text(b"Prometheus \xff\0 more") == "Prometheus \ufffd"
    assert exif.text("\0\0") is None
    assert exif.text("a\tb\x07c") == "a b c"
    assert features.check("webp")
