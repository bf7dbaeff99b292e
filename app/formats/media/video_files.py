"""Videos and sounds, read with PyAV where it is installed.

It comes with the optional extra `video`. What a file declares of its frames may be wrong: they are counted.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.errors import Unreadable
from app.pictures.previews import brightness, previews
from app.settings import settings

MISSING = "This installation cannot read videos and sounds. Ask its operator to install the extra `video`."
# By the first bytes of a file: (position, bytes, media type).
KINDS = (
    (4, b"ftyp", "video/mp4"),
    (4, b"moov", "video/quicktime"),
    (4, b"mdat", "video/quicktime"),
    (4, b"wide", "video/quicktime"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (0, b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"\x00\x00\x01\xb3", "video/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
)
RIFF = {b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
STILLS = {b"heic", b"heix", b"mif1", b"avif", b"crx "}


def kind_of(head: bytes) -> str | None:
    """The media type of a video or a sound by its first bytes; None for anything else."""
    if head[:4] == b"RIFF":
        return RIFF.get(head[8:12])
    if head[4:8] == b"ftyp" and head[8:12] in STILLS:
        return None
    return next((kind for at, sign, kind in KINDS if head[at : at + len(sign)] == sign), None)


def read(file: Path, mime_type: str) -> dict[str, Any]:
    """What a video or a sound is; Unreadable if nothing in it can be decoded."""
    if find_spec("av") is None:
        raise Unreadable(MISSING)
    import av  # noqa: PLC0415 -- optional, and slow to import

    av.logging.set_level(None)
    try:
        with av.open(str(file), options={"protocol_whitelist": "file"}) as container:
            if container.streams.video and not _is_cover(container.streams.video[0]):
                return {"resource_type": "VIDEO", "mime_type": mime_type, **_video(container)}
            if container.streams.audio:
                return {"resource_type": "AUDIO", "mime_type": _as_sound(mime_type), **_sound(container)}
    except (Unreadable, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - whatever a decoder stumbles over, the file is at fault
        raise Unreadable("The video or sound is broken: it cannot be opened.") from None
    raise Unreadable("The file contains neither pictures nor sound.")


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition and "attached_pic" in str(stream.disposition))


def _as_sound(mime_type: str) -> str:
    return mime_type.replace("video/", "audio/")


def _video(container: Any) -> dict[str, Any]:
    stream = container.streams.video[0]
    if stream.codec_context.width * stream.codec_context.height > settings.medium_pixels_max:
        raise Unreadable("The frames of the video have too many pixels.")
    first, count, last_s = _decoded(container, stream)
    if first is None:
        raise Unreadable("The video has no frame that can be decoded.")
    fps = _rate(stream)
    declared_s = _duration(container, stream)
    duration_s = declared_s or (count / fps if fps else last_s)
    picture = first.to_image()
    rotation = int(getattr(first, "rotation", 0) or 0) % 360
    if rotation:
        picture = picture.rotate(rotation, expand=True)
    width, height = picture.size
    coloured = picture.convert("RGB")
    return {
        "width": width,
        "height": height,
        "fps": fps,
        "duration_s": duration_s,
        "frame_count": count,
        "declared_frame_count": stream.frames or None,
        **previews(coloured),
        "brightness": brightness(coloured),
    }


def _decoded(container: Any, stream: Any) -> tuple[Any, int, float]:
    """The first frame, how many can be decoded, and the time of the last; a broken end ends the count."""
    import av  # noqa: PLC0415 -- optional, and slow to import

    first, count, last_s = None, 0, 0.0
    try:
        for frame in container.decode(stream):
            first = first or frame
            count += 1
            last_s = frame.time or last_s
            if count >= settings.medium_frames_max:
                raise Unreadable(f"The video has more than {settings.medium_frames_max:,} frames.")
    except (av.error.FFmpegError, ValueError, EOFError):
        pass
    return first, count, last_s


def _rate(stream: Any) -> float | None:
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    return float(rate) if rate and 0 < float(rate) <= 10_000 else None


def _duration(container: Any, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / 1_000_000
    return seconds if 0 < seconds < 10**6 else None


def _sound(container: Any) -> dict[str, Any]:
    stream = container.streams.audio[0]
    if next(iter(container.decode(stream)), None) is None:
        raise Unreadable("The sound cannot be decoded.")
    return {"duration_s": _duration(container, stream)}
