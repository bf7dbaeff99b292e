"""A season before six cameras: who passes when, the files the cameras write, and the truth about each file.

The cameras' clocks show winter time all year, as many cameras do. One of them runs an hour late, and one is broken for
two days.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

from app.gateways.fakes.wood import shots
from app.gateways.fakes.wood.animals import Pose
from app.gateways.fakes.wood.ground import Site
from app.gateways.fakes.wood.shots import Actor, Moment, Seen

SEED = 46_021
ZONE = "Europe/Zurich"
WINTER_TIME = timedelta(hours=1)
# In May, by the sun.
DAWN_H, DUSK_H = 5.0, 20.0
START = datetime(2026, 5, 2, 12, tzinfo=UTC)
DAYS = 20
END = START + timedelta(days=DAYS + 2)
BURST, BURST_S = 3, 2
ANIMALS = ("Capreolus capreolus", "Sus scrofa", "Vulpes vulpes", "Meles meles")
NAMES = dict(zip(ANIMALS, ("roe deer", "wild boar", "red fox", "European badger"), strict=True))
# At which hours each is about, by the sun.
HOURS = {
    "Capreolus capreolus": (4.5, 5.5, 6.5, 7.5, 12.0, 18.5, 19.5, 20.5),
    "Sus scrofa": (0.5, 1.5, 2.5, 21.5, 22.5, 23.5),
    "Vulpes vulpes": (1.0, 3.5, 5.0, 6.0, 19.0, 21.0, 22.0, 23.0),
    "Meles meles": (0.0, 1.0, 2.0, 3.0, 21.8, 22.6, 23.4),
    "person": (9.0, 10.5, 14.0, 16.5),
    "car": (8.0, 11.0, 15.5),
    "wind": (8.5, 11.5, 13.0, 14.5, 23.0),
}
NEAREST_M = {"Capreolus capreolus": 3.8, "Sus scrofa": 3.8, "Vulpes vulpes": 2.9, "Meles meles": 2.7, "person": 5.8}
ADULT = 0.9


class Camera(NamedTuple):
    """A camera and its place."""

    code: str
    name: str
    serial: str
    longitude: float
    latitude: float
    site: Site
    # How far its clock is behind winter time.
    late: timedelta = timedelta()
    # When it was broken, and why.
    broken: tuple[datetime, datetime, str] | None = None


class Picture(NamedTuple):
    """A file that a camera wrote."""

    camera: Camera
    name: str
    at: datetime
    actors: tuple[Actor, ...]
    wind: float
    visit: int

    @property
    def camera_time(self) -> datetime:
        """What the camera's clock showed, without a zone."""
        return (self.at + WINTER_TIME - self.camera.late).replace(tzinfo=None)

    @property
    def path(self) -> str:
        """As on the memory card."""
        return f"{self.camera.code}/100DRAWN/{self.name}"

    def taken(self) -> tuple[bytes, tuple[Seen, ...]]:
        """The file, and what can be seen in it."""
        shot = self._shot()
        return shots.jpeg(shot, self.camera_time, self.camera.serial), shot.seen

    def content(self) -> bytes:
        """The file."""
        return self.taken()[0]

    def seen(self) -> tuple[Seen, ...]:
        """What can be seen in it."""
        return self._shot().seen

    def _shot(self) -> shots.Shot:
        hour = _sun_hour(self.at)
        is_night = not DAWN_H <= hour < DUSK_H
        celsius = round(11 + 6 * np.sin((hour - 9) / 24 * 2 * np.pi))
        moment = Moment(self.camera_time, is_night, self.wind, celsius)
        return shots.take(self.camera.site, moment, self.actors, name=self.camera.code, seed=_dice_of(self))


def _site(number: int, *, has_track: bool = False) -> Site:
    soils = ((124, 98, 70), (140, 112, 84), (112, 92, 72))
    grasses = ((92, 118, 58), (110, 124, 66), (78, 108, 62))
    leaves = ((86, 112, 62), (110, 122, 70), (74, 104, 66))
    turn = number % 3
    return Site(SEED + number, soils[turn], grasses[turn], leaves[(turn + number // 3) % 3], 10 + number, has_track)


CAMERAS = (
    Camera("WOOD-1", "Oak clearing", "FGW001", 6.5562, 46.4231, _site(1)),
    Camera("WOOD-2", "Forest track", "FGW002", 6.5583, 46.4238, _site(2, has_track=True)),
    Camera("WOOD-3", "Beech slope", "FGW003", 6.5604, 46.4244, _site(3), late=timedelta(hours=1)),
    Camera(
        "WOOD-4", "Old sett", "FGW004", 6.5627, 46.4249, _site(4),
        broken=(START + timedelta(days=8), START + timedelta(days=10), "A branch lay on the lens."),
    ),
    Camera("WOOD-5", "Wallow", "FGW005", 6.5648, 46.4246, _site(5)),
    Camera("WOOD-6", "Meadow edge", "FGW006", 6.5671, 46.4240, _site(6, has_track=True)),
)  # fmt: skip


def pictures(visits: int = 16) -> list[Picture]:
    """All files of a season in which each kind of animal passes so many times, by camera and time."""
    return [picture for camera in CAMERAS for picture in _of_camera(camera, visits)]


def find(serial: str, camera_time: datetime, visits: int = 16) -> Picture | None:
    """The picture that a camera took when its clock showed a time."""
    return _by_time(visits).get((serial, camera_time))


def recognized(content: bytes, visits: int = 16) -> Picture | None:
    """The picture that a file is, by what the camera noted in it; None if it is none of these."""
    with Image.open(BytesIO(content)) as image:
        noted = image.getexif().get_ifd(0x8769)
    serial, stamp, fraction = noted.get(42033), noted.get(36867), noted.get(37521, "00")
    if not serial or not stamp:
        return None
    at = datetime.strptime(f"{stamp}.{fraction}", "%Y:%m:%d %H:%M:%S.%f")  # noqa: DTZ007 -- cameras note no zone
    return find(serial, at, visits)


@lru_cache(maxsize=2)
def _by_time(visits: int) -> dict[tuple[str, datetime], Picture]:
    return {(picture.camera.serial, picture.camera_time): picture for picture in pictures(visits)}


@lru_cache(maxsize=16)
def _of_camera(camera: Camera, visits: int) -> tuple[Picture, ...]:
    appearances: list[tuple[datetime, tuple[Actor, ...], float, int]] = []
    for number, (start, kind) in enumerate(_visits(camera, visits)):
        dice = np.random.default_rng([int(start.timestamp()), CAMERAS.index(camera)])
        wind = 1.4 if kind == "wind" else float(0.1 + 0.5 * dice.random())
        for shot, actors in enumerate(_passing(kind, camera, dice)):
            appearances.append((start + timedelta(seconds=shot * BURST_S), actors, wind, number))
    appearances.sort(key=lambda each: each[0])
    return tuple(
        Picture(camera, f"IMG_{index:04}.JPG", at, actors, wind, visit)
        for index, (at, actors, wind, visit) in enumerate(appearances, 1)
    )


def _visits(camera: Camera, visits: int) -> Iterator[tuple[datetime, str]]:
    """When something passes this camera: shares of each kind's visits, at its hours, at least half an hour apart."""
    place = CAMERAS.index(camera)
    taken: set[tuple[int, int]] = set()
    for kind, hours in HOURS.items():
        count = visits if kind in ANIMALS else max(1, visits // 3)
        dice = np.random.default_rng(SEED + len(kind) * 31 + sum(map(ord, kind)))
        for number in range(count):
            where = _whose(kind, number)
            day, hour = int(dice.integers(0, DAYS)), float(dice.choice(hours)) + float(dice.random() * 0.4)
            second = float(dice.integers(0, 60))
            slot = day, int(hour * 2)
            if where != place or slot in taken:
                continue
            at = START.replace(hour=0) + timedelta(days=day + 1, hours=hour, seconds=second)
            if camera.broken is None or not camera.broken[0] <= at < camera.broken[1]:
                taken.add(slot)
                yield at.replace(microsecond=0), kind


def _whose(kind: str, number: int) -> int:
    """Before which camera a visit is: cars and people keep to the tracks."""
    if kind in {"car", "person"}:
        return (1, 5)[number % 2]
    favourites = {"Capreolus capreolus": 0, "Sus scrofa": 4, "Vulpes vulpes": 2, "Meles meles": 3, "wind": 1}
    # A third of the visits are at the favourite place, the others go round.
    return favourites[kind] if number % 3 == 0 else (number * 5 + favourites[kind]) % len(CAMERAS)


def _passing(kind: str, camera: Camera, dice: np.random.Generator) -> Iterator[tuple[Actor, ...]]:
    """Who stands where in each picture of a burst."""
    if kind == "wind":
        yield from ((),) * BURST
        return
    left, start = bool(dice.random() < 0.5), 0.2 + 0.25 * float(dice.random())
    depth = 6.5 if kind == "car" else NEAREST_M[kind] + 3.2 * float(dice.random()) ** 1.5
    if camera.site.has_track and kind == "person":
        depth = 6.3
    company = int(dice.choice((1, 1, 2, 3))) if kind in {"Sus scrofa", "Capreolus capreolus"} else 1
    growth = [1.0 if member == 0 else float(dice.choice((0.45, 0.92))) for member in range(company)]
    is_male, paint = bool(dice.random() < 0.4) and company == 1, int(dice.integers(0, 12)) / 100
    for shot in range(BURST):
        group = []
        for member, size in enumerate(growth):
            x = start + shot * 0.09 + member * 0.17
            pose = Pose(
                (shot * 0.31 + member * 0.4) % 1, float(dice.random() ** 2), left, size + (paint if member == 0 else 0),
                is_male and member == 0,
            )  # fmt: skip
            group.append(Actor(kind, 1 - x if left else x, depth + member * 0.5, pose))
        yield tuple(group)


def _sun_hour(at: datetime) -> float:
    """The hour by the sun at the cameras, roughly: they stand at 6.56° east."""
    return (at.hour + at.minute / 60 + 6.56 / 15) % 24


def _dice_of(picture: Picture) -> int:
    return SEED + int(picture.at.timestamp()) % 1_000_000 + int(picture.camera.serial[-3:]) * 7_919
