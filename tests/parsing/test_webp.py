"""WebP pictures are unpacked as a whole: up to their limit there is room for that, and more is refused in words."""

from io import BytesIO

import pytest
from PIL import Image

from app import parsing, pictures
from app.errors import Invalid
from app.settings import settings


def webp(width, height):
    Image.new("RGBA", (width, height), (200, 30, 60, 120)).save(file := BytesIO(), "WEBP", lossless=True, method=0)
    return file.getvalue()


async def draw(content, media_type="image/webp"):
    return await parsing.run(
        pictures.squares, "upload", content, media_type, [64], settings.picture_pixels_max, field="upload"
    )


async def test_the_largest_one_is_drawn_within_the_memory_of_a_parser():
    assert await draw(webp(5_000, settings.webp_pixels_max // 5_000))


async def test_a_larger_one_is_refused_in_words_though_a_jpeg_is_taken():
    width, height = 5_000, settings.webp_pixels_max // 5_000 + 1
    with pytest.raises(Invalid, match=r"^A WebP picture may have at most 25 million pixels. Send a smaller one, or a"):
        await draw(webp(width, height))
    Image.new("RGB", (width, height)).save(file := BytesIO(), "JPEG")
    assert await draw(file.getvalue(), "image/jpeg")
