"""What trainings and predictions share: a folder with imagery, the engine's word passed on, the files that are kept."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import orjson
from shapely.geometry import mapping as geojson_of
from shapely.geometry.base import BaseGeometry

from app.gateways import imagery, storage
from app.geometry.tiles import Tile
from app.services.mapping.trainings.lifecycle import Left
from app.services.system.jobs import Progress
from jobs.engine import Message
from jobs.run import JobRun

FETCHING_SHARE = 0.15


def features_of(shapes: Sequence[tuple[BaseGeometry, dict[str, Any]]]) -> dict[str, Any]:
    """Shapes with their properties as a GeoJSON FeatureCollection."""
    features = [
        {"type": "Feature", "geometry": geojson_of(geom), "properties": properties} for geom, properties in shapes
    ]
    return {"type": "FeatureCollection", "features": features}


def write(path: Path, value: dict[str, Any]) -> None:
    """Leaves a request or shapes for the engine."""
    path.write_bytes(orjson.dumps(value))


class Stretch(NamedTuple):
    """The part of a job's progress that some of its work takes, from 0 to 1."""

    start: float = 0.0
    length: float = 1.0

    def at(self, done: float) -> float:
        """How far the job is when so much of this work is done."""
        return self.start + self.length * done

    def eta_s(self, here_s: float, spent_s: float) -> float:
        """How long the job will take still: what is left here, and as long again for each stretch after this."""
        return here_s + max(0.0, 1 - self.start - self.length) / self.length * (spent_s + here_s)


WHOLE = Stretch()


async def fetch(
    run: JobRun,
    topic: str,
    template: str,
    tiles: Sequence[Tile],
    folder: Path,
    stretch: Stretch = WHOLE,
    *,
    missing_share_max: float | None = None,
) -> list[Tile]:
    """Brings the imagery; returns the tiles without any."""

    async def report(done: int, total: int) -> None:
        progress = stretch.at(FETCHING_SHARE * done / max(total, 1))
        await run.report(Progress(progress, "imagery", f"{done} of {total} tiles are loaded."), topic=topic)

    fetched = await imagery.fetch_tiles(
        template,
        tiles,
        folder / "tiles",
        report=report,
        cancelled=lambda: run.is_over,
        missing_share_max=missing_share_max,
    )
    run.go_on()
    return fetched.without_imagery


def reporter(run: JobRun, topic: str, stretch: Stretch = WHOLE) -> Callable[[Message], Awaitable[None]]:
    """Reports the messages of the engine as progress, which continues that of fetching tiles."""
    began = monotonic()

    async def on_message(message: Message) -> None:
        eta_s = message.get("eta_s")
        progress = Progress(
            progress=stretch.at(FETCHING_SHARE + (1 - FETCHING_SHARE) * message["progress"]),
            stage=message["stage"],
            message=message["message"],
            eta_s=None if eta_s is None else round(stretch.eta_s(eta_s, monotonic() - began), 1),
        )
        await run.report(progress, topic=topic, epoch=message.get("epoch"))

    return on_message


async def keep(folder: Path, names: dict[str, str], prefix: str) -> list[Left]:
    """Stores the files that the engine wrote, under a name that no other attempt uses."""
    left = []
    for name, media_type in names.items():
        path, key = folder / name, f"{prefix}/{name}"
        await storage.put(key, path)
        left.append(Left(name, media_type, path.stat().st_size, key))
    return left
