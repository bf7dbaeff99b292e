"""The small pictures of a medium that lists and pages show."""

from PIL import Image, ImageStat

from app.pictures import as_webp

THUMBNAIL_SIDE, PREVIEW_SIDE = 400, 1_600


def previews(upright: Image.Image) -> dict[str, bytes]:
    """The preview and the thumbnail of an upright picture, which they shrink, as WebP by their names."""
    pictures = {}
    for name, side in (("preview", PREVIEW_SIDE), ("thumbnail", THUMBNAIL_SIDE)):
        upright.thumbnail((side, side), Image.Resampling.LANCZOS)
        pictures[name] = as_webp(upright)
    return pictures


def brightness(picture: Image.Image) -> float:
    """The mean brightness of a picture, 0 (black) to 1 (white)."""
    return round(float(ImageStat.Stat(picture.convert("L")).mean[0]) / 255, 4)
