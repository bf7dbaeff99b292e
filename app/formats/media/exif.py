"""What cameras write into pictures: times, make, model and serial number.

The text is as odd as its writers: with NUL bytes, blanks, broken dates, numbers for texts. Positions are left out: they
stay in the original alone.
"""

import math
import re
from datetime import datetime
from typing import Any, NamedTuple

from PIL import ExifTags, Image

BASE, IFD = ExifTags.Base, ExifTags.IFD
# The time that was written when the picture was taken; `DateTime` is that of the last edit and never used.
TIME, SUBSECONDS, OFFSET = BASE.DateTimeOriginal, BASE.SubsecTimeOriginal, BASE.OffsetTimeOriginal
DIGITIZED, DIGITIZED_SUBSECONDS, DIGITIZED_OFFSET = (
    BASE.DateTimeDigitized,
    BASE.SubsecTimeDigitized,
    BASE.OffsetTimeDigitized,
)
LEFT_OUT = {"GPSInfo", "MakerNote", "UserComment", "ExifOffset", "ExifInteroperabilityOffset", "JPEGThumbnail"}
TEXT_LENGTH_MAX, ENTRIES_MAX = 200, 200
OFFSETS = re.compile(r"([+-])(\d{2}):?(\d{2})")
SIDEWAYS = {5, 6, 7, 8}
YEAR_MIN = 1970


class Written(NamedTuple):
    """What a camera wrote."""

    tags: dict[str, Any]
    make: str | None
    model: str | None
    serial_number: str | None
    time: str | None
    utc_offset_minutes: int | None
    is_on_its_side: bool

    def facts(self) -> dict[str, Any]:
        """By the names of a medium's fields."""
        return {
            "exif": self.tags,
            "camera_make": self.make,
            "camera_model": self.model,
            "serial_number": self.serial_number,
            "camera_time": self.time,
            "camera_utc_offset_minutes": self.utc_offset_minutes,
        }


def read(exif: Image.Exif) -> Written:
    """What is written in a picture's head; what is broken is left out."""
    tags: dict[int, Any] = {**_plain(exif), **_part(exif, IFD.Exif)}
    time, offset = _time(tags, TIME, SUBSECONDS, OFFSET)
    if time is None:
        time, offset = _time(tags, DIGITIZED, DIGITIZED_SUBSECONDS, DIGITIZED_OFFSET)
    named = {str(ExifTags.TAGS.get(tag, tag)): value for tag, value in tags.items()}
    shown = {name: _shown(value) for name, value in named.items() if name not in LEFT_OUT}
    return Written(
        dict(list({name: value for name, value in shown.items() if value is not None}.items())[:ENTRIES_MAX]),
        text(tags.get(BASE.Make), 100),
        text(tags.get(BASE.Model), 100),
        text(tags.get(BASE.BodySerialNumber), 100),
        time,
        offset,
        tags.get(BASE.Orientation) in SIDEWAYS,
    )


def _plain(exif: Image.Exif) -> dict[int, Any]:
    try:
        return dict(exif)
    except Exception:  # noqa: BLE001 - a broken directory has no entries
        return {}


def _part(exif: Image.Exif, part: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(part))
    except Exception:  # noqa: BLE001 - a broken directory has no entries
        return {}


def text(value: Any, length_max: int = TEXT_LENGTH_MAX) -> str | None:
    """A text as people read it: without NUL bytes, controls and blanks around it; None if nothing is left."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str | int):
        return None
    # Some firmware writes the rest of its memory behind the first NUL.
    plain = str(value).lstrip("\0").partition("\0")[0]
    kept = "".join(each if each.isprintable() else " " for each in plain).strip()
    return " ".join(kept.split())[:length_max] or None


def _time(tags: dict[int, Any], time: int, subseconds: int, offset: int) -> tuple[str | None, int | None]:
    written = text(tags.get(time))
    if written is None:
        return None, None
    digits = re.fullmatch(r"(\d{4})[:-](\d{2})[:-](\d{2})[ T](\d{2}):(\d{2}):(\d{2})(\.\d+)?", written)
    if digits is None or int(digits[1]) < YEAR_MIN:
        return None, None
    fraction = re.sub(r"\D", "", text(tags.get(subseconds)) or digits[7] or "")[:6]
    try:
        moment = datetime.fromisoformat(f"{'-'.join(digits.groups()[:3])}T{':'.join(digits.groups()[3:6])}")
    except ValueError:
        return None, None
    return moment.isoformat() + (f".{fraction}" if fraction.strip("0") else ""), _offset(tags.get(offset))


def _offset(value: Any) -> int | None:
    written = OFFSETS.fullmatch(text(value) or "")
    if written is None:
        return None
    minutes = int(written[2]) * 60 + int(written[3])
    return None if minutes > 14 * 60 else (-minutes if written[1] == "-" else minutes)


def _shown(value: Any) -> Any:
    """A value that JSON and PostgreSQL can keep."""
    if isinstance(value, bool | int):
        return value if abs(value) < 2**53 else None
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return text(value) if value.isascii() and len(value) <= TEXT_LENGTH_MAX else None
    if isinstance(value, tuple):
        return [_shown(each) for each in value[:16]]
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None
