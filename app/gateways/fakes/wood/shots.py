"""One picture of a camera trap: what stands before it, in the light of the hour, with the strip that cameras print."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from app.gateways.fakes.wood import animals, ground
from app.gateways.fakes.wood.animals import Pose
from app.gateways.fakes.wood.ground import HEIGHT, WIDTH, Grid, Light, Site

STRIP = 34
QUALITY = 82
# Of a pixel of the cut-out, how much must be seen for it to count as visible; and of a box, its smallest side.
SEEN, SIDE_MIN = 96, 6
MAKE, MODEL = "Fieldgraph", "Drawn camera 1"


class Actor(NamedTuple):
    """Something before a camera: what, where, how."""

    kind: str
    x: float
    depth: float
    pose: Pose


class Seen(NamedTuple):
    """The truth about something in a picture: its box as shares of the width and height, from the upper left."""

    kind: str
    bbox: tuple[float, float, float, float]
    distance: float
    pose: Pose


class Shot(NamedTuple):
    """A picture and the truth about it."""

    image: Image.Image
    seen: tuple[Seen, ...]


class Moment(NamedTuple):
    """When a picture is taken: by the camera's clock, in what light, in what wind."""

    at: datetime
    is_night: bool
    wind: float
    celsius: int


def take(site: Site, moment: Moment, actors: Sequence[Actor], *, name: str, seed: int) -> Shot:
    """The picture that a camera takes."""
    grain = np.random.default_rng(seed)
    light = Light(moment.is_night)
    picture = Image.fromarray(np.clip(ground.backdrop(site, light), 0, 255).astype(np.uint8))
    trees = list(ground.trunks(site))
    masks: list[tuple[Actor, Image.Image]] = []
    phase, farthest = moment.at.timestamp() * 2.7 % 628, ground.FAR_M
    for actor in sorted(actors, key=lambda actor: -actor.depth):
        _plant(picture, site, light, [tree for tree in trees if actor.depth <= tree.depth < farthest], masks)
        ground.grass(picture, site, light, wind=moment.wind, phase=phase, depths=(actor.depth, farthest))
        masks.append((actor, _place(picture, actor, light, grain)))
        farthest = actor.depth
    _plant(picture, site, light, [tree for tree in trees if tree.depth < farthest], masks)
    ground.grass(picture, site, light, wind=moment.wind, phase=phase, depths=(0, farthest))
    exposed = _exposed(picture, moment, grain)
    _print_strip(exposed, moment, name)
    seen = [seen_actor for actor, mask in masks if (seen_actor := _seen(actor, mask)) is not None]
    return Shot(exposed, tuple(seen))


def jpeg(shot: Shot, at: datetime, serial: str) -> bytes:
    """The file a camera writes, with what cameras note: the time by its own clock, without a zone."""
    exif = Image.Exif()
    exif[271], exif[272] = MAKE, MODEL
    exif[306] = stamp = at.strftime("%Y:%m:%d %H:%M:%S")
    exif.get_ifd(0x8769).update({36867: stamp, 36868: stamp, 37521: f"{at.microsecond // 10_000:02}", 42033: serial})
    file = BytesIO()
    shot.image.save(file, "JPEG", quality=QUALITY, exif=exif)
    return file.getvalue()


def _plant(
    picture: Image.Image,
    site: Site,
    light: Light,
    trees: Sequence[ground.Trunk],
    masks: Sequence[tuple[Actor, Image.Image]],
) -> None:
    """Trees, which hide what stands behind them."""
    for tree in trees:
        layer, corner = ground.trunk_layer(site, tree, light)
        picture.paste(layer, corner, layer)
        for _, mask in masks:
            mask.paste(0, (*corner, corner[0] + layer.width, corner[1] + layer.height), layer.getchannel("A"))


def _place(picture: Image.Image, actor: Actor, light: Light, grain: np.random.Generator) -> Image.Image:
    """Draws something where it stands, with its shadow; returns which pixels show it."""
    cutout = animals.drawn(actor.kind, actor.pose, ground.scale_at(actor.depth), grain)
    foot = actor.x * WIDTH, ground.row_of(actor.depth)
    corner = round(foot[0] - cutout.foot[0]), round(foot[1] - cutout.foot[1])
    alpha = cutout.image.getchannel("A")
    _shade(picture, alpha, foot, is_night=light.is_night)
    pixels = np.asarray(cutout.image, np.float32)[..., :3] * light.gain(actor.depth)
    if not light.is_night:
        haze = min(0.4, max(0.0, (actor.depth - 6) / 34))
        pixels = pixels * (1 - haze) + np.array((196, 202, 184), np.float32) * haze
    lit = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if light.is_night:
        _shine(lit, cutout.eyes, ground.scale_at(actor.depth))
    picture.paste(lit, corner, alpha)
    mask = Image.new("L", (WIDTH, HEIGHT))
    mask.paste(alpha, corner)
    return mask


def _shade(picture: Image.Image, alpha: Image.Image, foot: tuple[float, float], *, is_night: bool) -> None:
    """A soft shadow on the ground below."""
    box = alpha.getbbox()
    if box is None:
        return
    half, flat = (box[2] - box[0]) * 0.46, max(3.0, (box[2] - box[0]) * 0.07)
    shadow = Image.new("L", (WIDTH, HEIGHT))
    spot = (foot[0] - half, foot[1] - flat, foot[0] + half, foot[1] + flat)
    ImageDraw.Draw(shadow).ellipse(spot, fill=70 if is_night else 120)
    picture.paste((14, 14, 10), (0, 0), shadow.filter(ImageFilter.GaussianBlur(flat * 0.6)))


def _shine(image: Image.Image, eyes: Sequence[tuple[float, float]], scale: float) -> None:
    brush, radius = ImageDraw.Draw(image), max(1.2, scale * 0.016)
    for x, y in eyes:
        brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 255))


def _exposed(picture: Image.Image, moment: Moment, grain: np.random.Generator) -> Image.Image:
    """What the sensor makes of the light: colours by day, shades of grey and much noise by night."""
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
    if moment.is_night:
        grey = pixels @ np.array((0.4, 0.4, 0.2), np.float32)
        pixels = np.repeat((grey * 1.12 + 6)[..., None], 3, 2)
    else:
        pixels = pixels * np.array(_tint(moment.at), np.float32)
    strength = 9.0 if moment.is_night else 3.4
    noise = grain.standard_normal((HEIGHT, WIDTH), np.float32) * strength
    return Image.fromarray(np.clip((pixels + noise[..., None]) * _vignette(), 0, 255).astype(np.uint8))


def _tint(at: datetime) -> tuple[float, float, float]:
    """Warm in the morning and in the evening."""
    low = min(1.0, abs(at.hour + at.minute / 60 - 13) / 7) ** 2
    return 1.0 + 0.05 * low, 0.99 - 0.08 * low, 0.97 - 0.25 * low


@lru_cache(maxsize=1)
def _vignette() -> Grid:
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    return np.asarray((1.04 - 0.30 * (rows**2 + columns**2) / 2)[..., None], np.float32)


def _print_strip(image: Image.Image, moment: Moment, name: str) -> None:
    """Date, temperature and name, where nothing of the scene is lost that counts."""
    brush = ImageDraw.Draw(image)
    brush.rectangle((0, HEIGHT - STRIP, WIDTH, HEIGHT), fill=(12, 12, 14))
    font = ImageFont.load_default(20)
    left = f"{moment.at:%Y-%m-%d  %H:%M:%S}   {moment.celsius:+d} °C"
    brush.text((14, HEIGHT - STRIP + 5), left, font=font, fill=(236, 236, 236))
    brush.text((WIDTH - 14, HEIGHT - STRIP + 5), name, font=font, fill=(236, 236, 236), anchor="ra")


def _seen(actor: Actor, mask: Image.Image) -> Seen | None:
    """The box of what can be seen of it; None if that is hardly anything."""
    visible = ImageChops.constant(mask, 0)
    visible.paste(mask.point(lambda value: 255 if value >= SEEN else 0).crop((0, 0, WIDTH, HEIGHT - STRIP)))
    box = visible.getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < SIDE_MIN:
        return None
    left, top, right, bottom = box
    bbox = (left / WIDTH, top / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT)
    return Seen(actor.kind, bbox, actor.depth, actor.pose)
