"""Pictures, videos and sounds as cameras write them: what they are by content, and what is written in them.

These are parsers: they run in a child, since a small file may take hours or gigabytes to unpack. What the name of a
file says of its type is never believed.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from app.errors import Invalid, Unreadable
from app.formats.media import exif, video_files
from app.pictures.previews import PREVIEW_SIDE, brightness, previews
from app.settings import settings

PICTURES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
}
HEAD_BYTES = 64


class Medium(NamedTuple):
    """What is read of a file; `error` says why it could not be read, and then only size and hash are known."""

    size_bytes: int
    sha256: str
    error: str | None = None
    resource_type: str | None = None
    mime_type: str | None = None
    width: int | None = None
    height: int | None = None
    brightness: float | None = None
    fps: float | None = None
    duration_s: float | None = None
    frame_count: int | None = None
    declared_frame_count: int | None = None
    exif: dict[str, Any] | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    serial_number: str | None = None
    camera_time: str | None = None
    camera_utc_offset_minutes: int | None = None
    thumbnail: bytes | None = None
    preview: bytes | None = None


def read(path: str) -> dict[str, Any]:
    """What a file is and what it says of itself, with an upright thumbnail and preview as WebP."""
    file = Path(path)
    size_bytes, sha256 = identity(file)
    known: dict[str, Any] = {"size_bytes": size_bytes, "sha256": sha256}
    try:
        medium = Medium(**known, **_read(file))
    except (Unreadable, Invalid) as error:
        medium = Medium(**known, error=str(error))
    except MemoryError:
        medium = Medium(**known, error="Reading this file takes more memory than is allowed.")
    return medium._asdict()


def identity(file: Path) -> tuple[int, str]:
    """How large a file is, and its SHA-256 in hexadecimal."""
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()


def _read(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    if not head:
        raise Unreadable("The file is empty.")
    if not head.strip(b"\0"):
        raise Unreadable("The file begins with zeros only: the memory card was full or broken when it was written.")
    kind = video_files.kind_of(head)
    return video_files.read(file, kind) if kind else _picture(file)


def _picture(file: Path) -> dict[str, Any]:
    """The head of a picture first; its pixels only if there are not too many."""
    try:
        with Image.open(file, formats=[name for name in PICTURES if name != "MPO"]) as image:
            mime_type = PICTURES[image.format or ""]
            written = exif.read(image.getexif())
            _check(image)
            upright = _upright(image)
            width, height = image.size
            if written.is_on_its_side:
                width, height = height, width
    except Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable("The picture has too many pixels.") from None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever a decoder stumbles over, the file is at fault
        raise Unreadable("This is no picture, video or sound that can be read, or it is broken.") from None
    return {
        "resource_type": "IMAGE",
        "mime_type": mime_type,
        "width": width,
        "height": height,
        **written.facts(),
        **previews(upright),
        "brightness": brightness(upright),
    }


def _check(image: Image.Image) -> None:
    if image.width * image.height > settings.medium_pixels_max:
        raise Unreadable(f"The picture has more than {settings.medium_pixels_max / 1e6:g} million pixels.")


def _upright(image: Image.Image) -> Image.Image:
    """The pixels, upright, and no more than the preview needs."""
    image.draft("RGB", (2 * PREVIEW_SIDE,) * 2)
    image.load()
    coloured = image if image.mode == "RGB" else image.convert("RGB")
    less = coloured.reduce(max(1, min(coloured.size) // (2 * PREVIEW_SIDE)))
    # Copied with its orientation, which `convert` and `reduce` keep in the info alone.
    less.info["exif"] = image.info.get("exif", b"")
    return ImageOps.exif_transpose(less, in_place=False)
