"""Pictures with what was found in them drawn over them, and with people or vehicles made unrecognizable.

Like the other parsers of pictures these run in a child. A box is [left, top, width, height] in shares of the upright
picture.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from app.pictures import Drawing, as_webp, upright

# A blurred box is kept in so many cells along its longer side: too few to tell a face or a number plate.
CELLS = 6
# How much more than the box is blurred on each side, as a share of it: boxes are rarely exact.
BEYOND = 0.06
COLOURS = {
    "animal": (255, 171, 0),
    "human": (235, 64, 82),
    "vehicle": (64, 132, 255),
    "other": (235, 235, 235),
}
LINE_PX_MIN, FONT_PX_MIN = 2, 13
INK, PAPER = (20, 20, 20), 205

Box = Sequence[float]


class Mark(NamedTuple):
    """A box with what to write above it: a label, and how sure a model is of it from 0 to 1."""

    box: Box
    kind: str
    label: str
    confidence: float | None = None


def annotated(
    field: str, content: bytes, media_type: str, marks: Sequence[Any], hidden: Sequence[Box], side: int, pixels_max: int
) -> Drawing:
    """A picture with its marks drawn, and the hidden boxes blurred before; neither side longer than `side`."""
    picture = _shown(field, content, media_type, hidden, side, pixels_max)
    _draw(picture, [mark for mark in (Mark(*each) for each in marks) if _is_inside(picture, mark.box)])
    return Drawing(as_webp(picture), picture.width, picture.height)


def blurred(
    field: str, content: bytes, media_type: str, hidden: Sequence[Box], sides: Sequence[int], pixels_max: int
) -> dict[int, Drawing]:
    """A picture in several sizes with boxes blurred."""
    picture = _shown(field, content, media_type, hidden, max(sides), pixels_max)
    pictures = {}
    for side in sorted(sides, reverse=True):
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        pictures[side] = Drawing(as_webp(picture), picture.width, picture.height)
    return pictures


def _shown(
    field: str, content: bytes, media_type: str, hidden: Sequence[Box], side: int, pixels_max: int
) -> Image.Image:
    picture = upright(field, content, media_type=media_type, side=side, pixels_max=pixels_max).convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    for box in hidden:
        _blur(picture, box)
    return picture


def _blur(picture: Image.Image, box: Box) -> None:
    """Replaces a box by a few cells of mean colours: nothing of what was there can be got back."""
    if not _is_inside(picture, box):
        return
    left, top, right, bottom = _corners(picture, box, beyond=BEYOND)
    part = picture.crop((left, top, right, bottom))
    cell = max(part.size) / CELLS
    few = part.resize((max(1, round(part.width / cell)), max(1, round(part.height / cell))), Image.Resampling.BOX)
    coarse = few.resize(part.size, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(cell / 4))
    picture.paste(coarse, (left, top))


def _corners(picture: Image.Image, box: Box, *, beyond: float = 0.0) -> tuple[int, int, int, int]:
    left, top, width, height = box
    across, down = width * beyond, height * beyond
    return (
        max(0, int((left - across) * picture.width)),
        max(0, int((top - down) * picture.height)),
        min(picture.width, -int(-(left + width + across) * picture.width // 1)),
        min(picture.height, -int(-(top + height + down) * picture.height // 1)),
    )


def _is_inside(picture: Image.Image, box: Box) -> bool:
    left, top, right, bottom = _corners(picture, box)
    return left < right and top < bottom


def _draw(picture: Image.Image, marks: Sequence[Mark]) -> None:
    """Boxes first, then the labels, so that no line crosses one."""
    brush = ImageDraw.Draw(picture, "RGBA")
    line = max(LINE_PX_MIN, round(max(picture.size) / 400))
    font = ImageFont.load_default(max(FONT_PX_MIN, round(max(picture.size) / 64)))
    for mark in marks:
        left, top, right, bottom = _corners(picture, mark.box)
        colour = COLOURS.get(mark.kind, COLOURS["other"])
        brush.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=line)
    for mark in marks:
        _write(picture, brush, mark, font, line)


def _write(picture: Image.Image, brush: Any, mark: Mark, font: Any, line: int) -> None:
    text = mark.label if mark.confidence is None else f"{mark.label} {mark.confidence:.0%}"
    left, top, _, _ = _corners(picture, mark.box)
    _, _, width, height = (int(side) for side in font.getbbox(text))
    x = max(0, min(left, picture.width - width - 2 * line))
    # Above the box, or inside it where it touches the upper edge.
    y = top - height - 2 * line if top >= height + 2 * line else top
    colour = COLOURS.get(mark.kind, COLOURS["other"])
    brush.rectangle((x, y, x + width + 2 * line, y + height + 2 * line), fill=(*colour, PAPER))
    brush.text((x + line, y + line), text, font=font, fill=INK)
