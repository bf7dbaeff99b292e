"""Pictures from outside, drawn anew: whatever else a file holds, only its pixels are kept.

These are parsers: they run in a child, since a small file may take hours or gigabytes to unpack.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from app.errors import Invalid, Unreadable
from app.settings import settings

MEDIA_TYPE = "image/webp"
"""As what they are kept."""
QUALITY = 85
# Half the time of the usual effort, 4, for files that are at most 3 % larger.
EFFORT = 2
# Of which a JPEG is decoded no larger than needed: a multiple of the largest side keeps it sharp.
DRAFT = 2
BRIGHTEST = 65_535
# Programs fill what they have no imagery of with one of these.
NO_DATA = (((0, 0),) * 3, ((255, 255),) * 3)
TILE_FORMATS = ("PNG", "JPEG", "WEBP")
# What pillow calls the files of each type; a JPEG with previews is an MPO to it.
FORMATS = {"image/jpeg": ("JPEG", "MPO"), "image/png": ("PNG",), "image/webp": ("WEBP",), "image/gif": ("GIF",)}


class Drawing(NamedTuple):
    """A picture as it is kept."""

    content: bytes
    width: int
    height: int


def squares(field: str, content: bytes, media_type: str, sides: Sequence[int], pixels_max: int) -> dict[int, bytes]:
    """The middle of a picture as WebP squares of these sides, upright and without metadata; Invalid if it is none."""
    drawn = upright(field, content, media_type=media_type, side=max(sides), pixels_max=pixels_max)
    return {side: as_webp(ImageOps.fit(drawn, (side, side), Image.Resampling.LANCZOS)) for side in sides}


def within(field: str, content: bytes, media_type: str, sides: Sequence[int], pixels_max: int) -> dict[int, Drawing]:
    """The whole of a picture as WebP, neither side longer than each of these, nor than it was; else like `squares`."""
    drawn = upright(field, content, media_type=media_type, side=max(sides), pixels_max=pixels_max)
    previews = {}
    for side in sorted(sides, reverse=True):
        drawn.thumbnail((side, side), Image.Resampling.LANCZOS)
        previews[side] = Drawing(as_webp(drawn), drawn.width, drawn.height)
    return previews


def tile(content: bytes, side: int) -> tuple[bytes | None, int, int]:
    """A tile as an opaque PNG of this side, with the size it came in; None if it shows nothing, or has another size.

    One that is all transparent, black or white shows nothing. One of twice the side is taken, too. Unreadable if it is
    no picture.
    """
    try:
        # Opening reads the header only: a picture of another size is refused before it is unpacked.
        with Image.open(BytesIO(content), formats=TILE_FORMATS) as image:
            width, height = image.size
            if image.size not in {(side, side), (2 * side, 2 * side)}:
                return None, width, height
            picture = _in_eight_bits(image).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable("This is not a picture, or it is broken.") from None
    if picture.getchannel("A").getbbox() is None:
        return None, width, height
    opaque = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture).convert("RGB")
    if opaque.getextrema() in NO_DATA:
        return None, width, height
    file = BytesIO()
    opaque.resize((side, side), Image.Resampling.BOX).save(file, "PNG", compress_level=3)
    return file.getvalue(), width, height


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits with 8, dark to bright; pillow itself would cut off what is brighter than 255."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image, dtype=np.int64).clip(0, BRIGHTEST)
    grey = Image.fromarray((values // 257).astype(np.uint8), "L")
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8), "L"))
    return grey


def upright(field: str, content: bytes, *, media_type: str, side: int, pixels_max: int) -> Image.Image:
    """Its pixels, upright, and no more of them than it takes to draw it sharply."""
    try:
        with Image.open(BytesIO(content), formats=[kinds[0] for kinds in FORMATS.values()]) as image:
            _check(field, image, media_type=media_type, pixels_max=pixels_max)
            image.draft("RGB", (side * DRAFT,) * 2)
            image.load()
            mode = "RGBA" if image.has_transparency_data else "RGB"
            coloured = image if image.mode == mode else image.convert(mode)
            # Made smaller before it is turned, which takes its memory once more.
            return ImageOps.exif_transpose(coloured.reduce(max(1, min(coloured.size) // (side * DRAFT))))
    except (Invalid, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(field, pixels_max) from None
    except Exception:  # noqa: BLE001 - whatever a decoder stumbles over, the file is at fault
        raise Invalid(field, "This is not a picture, or it is broken.") from None


def _check(field: str, image: Image.Image, *, media_type: str, pixels_max: int) -> None:
    """Asks of the file's head, before its pixels are unpacked."""
    if image.format not in FORMATS[media_type]:
        raise Invalid(field, f"This is not {media_type}, as declared. Send the right type.")
    if image.width * image.height > pixels_max:
        raise _too_large(field, pixels_max)
    if image.format == "WEBP" and image.width * image.height > settings.webp_pixels_max:
        most = settings.webp_pixels_max / 1e6
        raise Invalid(field, f"A WebP picture may have at most {most:g} million pixels. Send a smaller one, or a JPEG.")
    if max(image.size) > settings.picture_side_max:
        raise Invalid(field, f"A picture may be at most {settings.picture_side_max:,} pixels wide and high.")
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise Invalid(field, "This picture is animated. Send one that is not.")


def _too_large(field: str, pixels_max: int) -> Invalid:
    return Invalid(field, f"A picture may have at most {pixels_max / 1e6:g} million pixels.")


def as_webp(drawn: Image.Image) -> bytes:
    """The file that is kept of a picture: its pixels and nothing else."""
    # Metadata of the picture, such as where it was taken, is no part of its pixels.
    drawn.info.clear()
    file = BytesIO()
    drawn.save(file, "WEBP", quality=QUALITY, method=EFFORT, exif=b"", icc_profile=b"", xmp=b"")
    return file.getvalue()
