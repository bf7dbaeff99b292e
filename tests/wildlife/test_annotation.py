"""Boxes drawn over pictures, and people made unrecognizable in them."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from app import parsing
from app.errors import Invalid
from app.pictures import annotation

PIXELS_MAX = 10_000_000
BOX = [0.25, 0.5, 0.25, 0.25]


def picture(width: int = 400, height: int = 200, orientation: int | None = None, kind: str = "JPEG") -> bytes:
    """Fine black and white stripes, as detailed as anything can be."""
    stripes = np.zeros((height, width, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255
    exif = Image.Exif()
    if orientation:
        exif[274] = orientation
    file = BytesIO()
    Image.fromarray(stripes).save(file, kind, quality=95, exif=exif)
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray:
    with Image.open(BytesIO(content)) as image:
        assert image.format == "WEBP"
        assert not image.getexif()
        return np.asarray(image.convert("RGB"), np.int16)


async def test_a_hidden_box_loses_all_detail_and_the_rest_keeps_it():
    sizes = await parsing.run(annotation.blurred, "picture", picture(), "image/jpeg", [BOX], [400, 100], PIXELS_MAX)
    content, width, height = sizes[400]
    assert (width, height) == (400, 200)
    shown = pixels(content)
    assert shown[100:150, 100:200].std() < 12
    assert shown[:90, :].std() > 80
    assert shown[:, 220:].std() > 80
    assert pixels(sizes[100][0]).shape == (50, 100, 3)


async def test_boxes_are_of_the_upright_picture():
    """Orientation 6: the camera was turned; a third of the upright height is the left of what is stored."""
    content, width, height = await parsing.run(
        annotation.annotated, "picture", picture(orientation=6), "image/jpeg", [], [[0, 0, 1, 0.3]], 400, PIXELS_MAX
    )
    assert (width, height) == (200, 400)
    shown = pixels(content)
    assert shown[:110].std() < 20
    assert shown[140:].std() > 80


async def test_marks_are_drawn_with_their_labels_where_they_are():
    marks = [[BOX, "animal", "Vulpes vulpes", 0.87], [[0.0, 0.0, 0.2, 0.3], "unreceived-of", "?", None]]
    plain, drawn = [
        pixels((await parsing.run(annotation.annotated, "p", picture(), "image/jpeg", found, [], 400, PIXELS_MAX))[0])
        for found in ([], marks)
    ]
    changed = np.abs(plain - drawn).max(-1) > 60
    assert changed[100:102, 110:190].mean() > 0.5, "the upper edge of the box"
    assert not changed[110:140, 110:190].any(), "the middle of the box stays"
    assert changed[85:98, 100:150].mean() > 0.3, "the label above it"
    assert not changed[:, 220:].any()
    amber = drawn[100, 150]
    assert amber[0] > 200
    assert amber[2] < 110


@pytest.mark.parametrize("box", [[0.9, 0.9, 0.4, 0.4], [-0.2, -0.2, 0.3, 0.3], [0.5, 0.5, 0, 0], [2, 2, 1, 1]])
async def test_boxes_that_reach_beyond_the_picture_are_cut_off(box: list[float]):
    marks = [[box, "human", "person", 1.0]]
    content, width, height = await parsing.run(
        annotation.annotated, "picture", picture(), "image/jpeg", marks, [box], 400, PIXELS_MAX
    )
    assert pixels(content).shape == (height, width, 3) == (200, 400, 3)


@pytest.mark.parametrize(
    ("content", "media_type"), [(b"", "image/jpeg"), (b"GIF89a", "image/gif"), (picture(), "image/png")]
)
async def test_what_is_no_such_picture_is_refused(content: bytes, media_type: str):
    with pytest.raises(Invalid):
        await parsing.run(annotation.annotated, "picture", content, media_type, [], [], 400, PIXELS_MAX)
