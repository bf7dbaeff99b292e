"""Camera-trap media as arrays: photos upright, as people see them, and frames of videos now and then."""

import warnings
from collections.abc import Iterator
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from app.settings import settings

Picture = NDArray[np.uint8]


class NoPicture(Exception):
    """A file that shows nothing; the message says why, for the person whose file it is."""


def photo(path: Path) -> Picture:
    """A photo as (height, width, 3), turned as its EXIF orientation says. Raises `NoPicture`."""
    try:
        with warnings.catch_warnings():
            # Our own bound counts, and Pillow's next one.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height <= settings.medium_pixels_max:
                    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except Image.DecompressionBombError:
        pass
    # Pillow's decoders raise what they come across.
    except (OSError, SyntaxError, ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as error:
        raise NoPicture("The picture cannot be read.") from error
    raise NoPicture("The picture has too many pixels.")


def frames(path: Path, *, fps: float) -> Iterator[tuple[int, Picture]]:
    """Frames of a video with their numbers, so many in each second. Raises `NoPicture`.

    Frames are counted as they are decoded: many a camera writes a wrong number of them into its files.
    """
    count, due, av = 0, 0.0, _reader()
    try:
        with av.open(str(path), options={"max_pixels": f"{settings.medium_pixels_max}"}) as container:
            if not container.streams.video:
                raise NoPicture("The file has no video.")
            step = max(1.0, _rate(container.streams.video[0]) / fps)
            for number, frame in enumerate(container.decode(video=0)):
                if number >= due:
                    due += step
                    count += 1
                    yield number, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        # What was decoded before the damage counts.
        if not count:
            raise NoPicture("The video cannot be read.") from error
    if not count:
        raise NoPicture("The video has no frames.")


def _reader() -> Any:
    try:
        return import_module("av")
    except ImportError:
        raise NoPicture("Videos need the package av, which the extra `video` installs.") from None


def numbered(path: Path, wanted: set[int]) -> dict[int, Picture]:
    """Single frames of a video by their numbers; those that it does not have are left out. Raises `NoPicture`."""
    pictures, last = {}, max(wanted)
    for number, picture in frames(path, fps=inf):
        if number in wanted:
            pictures[number] = picture
        if number >= last:
            break
    return pictures


def _rate(stream: Any) -> float:
    return float(stream.average_rate or stream.base_rate or 1)


def crop(picture: Picture, box: tuple[float, float, float, float], side: int, *, margin: float = 0.1) -> Picture:
    """The square around a relative box (left, top, width, height), scaled to `side`; grey where there is no picture."""
    height, width, _ = picture.shape
    left, top, across, down = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    whole = max(across, down, 2.0) * (1 + 2 * margin)
    x, y = left + across / 2 - whole / 2, top + down / 2 - whole / 2
    inner = tuple(round(edge) for edge in (max(x, 0), max(y, 0), min(x + whole, width), min(y + whole, height)))
    square = Image.new("RGB", (side, side), (127, 127, 127))
    if inner[2] > inner[0] and inner[3] > inner[1]:
        scale = side / whole
        size = (max(1, round((inner[2] - inner[0]) * scale)), max(1, round((inner[3] - inner[1]) * scale)))
        part = Image.fromarray(picture[inner[1] : inner[3], inner[0] : inner[2]])
        square.paste(
            part.resize(size, Image.Resampling.BILINEAR), (round((inner[0] - x) * scale), round((inner[1] - y) * scale))
        )
    return np.asarray(square)
