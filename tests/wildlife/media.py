"""Small media files as cameras write them, made for each test."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from PIL import ExifTags, Image

BASE = ExifTags.Base


def picture(
    size: tuple[int, int] = (64, 48), *, colour: Any = "forestgreen", format: str = "JPEG", **tags: Any
) -> bytes:
    """A picture with EXIF tags by their names."""
    image = Image.new("RGB", size, colour)
    image.paste("white", (0, 0, size[0] // 2, size[1] // 2))
    exif = Image.Exif()
    part = exif.get_ifd(ExifTags.IFD.Exif)
    for name, value in tags.items():
        tag = BASE[name]
        (exif if name in {"Make", "Model", "Orientation", "DateTime"} else part)[tag] = value
    file = BytesIO()
    image.save(file, format, exif=exif)
    return file.getvalue()


def dated(time: str, **tags: Any) -> bytes:
    """A picture that was taken at a time such as 2026:04:02 10:00:00."""
    return picture(DateTimeOriginal=time, **tags)


def video(
    path: Path, *, frames: int = 10, fps: int = 5, container: str = "mp4", codec: str = "mpeg4", size: int = 64
) -> bytes:
    """A video of a square that moves."""
    import av  # noqa: PLC0415 - tests without videos need not wait for it

    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=fps)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            image = Image.new("RGB", (size, size), "black")
            image.paste("white", (number, number, number + 8, number + 8))
            for packet in stream.encode(av.VideoFrame.from_image(image)):
                output.mux(packet)
        for packet in stream.encode():
            output.mux(packet)
    return path.read_bytes()


def archive(files: dict[str, bytes]) -> bytes:
    """A ZIP."""
    content = BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as packed:
        for name, each in files.items():
            packed.writestr(name, each)
    return content.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


BURST = {
    "DCIM/100RECNX/IMG_0001.JPG": dated("2026:04:11 20:43:09", Make="RECONYX", BodySerialNumber="H1"),
    "DCIM/100RECNX/IMG_0002.JPG": dated("2026:04:11 20:43:10", colour="red", BodySerialNumber="H1"),
    "DCIM/100RECNX/IMG_0003.JPG": dated("2026:04:11 20:50:10", colour="blue", BodySerialNumber="H1"),
}
