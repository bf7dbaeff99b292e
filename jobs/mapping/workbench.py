"""What trainings and predictions share: a folder with imagery, the engine's word passed on, the files that are kept."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from shapely.geometry import mapping as geojson_of
from shapely.geometry.base import BaseGeometry

from app.gateways import imagery, storage
from app.services.mapping import Left
from app.services.system import Progress
from app.tiles import Tile
from jobs.engine import Message
from jobs.run import Run

FETCHING_SHARE = 0.15


def features_of(shapes: Sequence[tuple[BaseGeometry, dict[str, Any]]]) -> dict[str, Any]:
    """Shapes with their properties as a GeoJSON FeatureCollection."""
    features = [{"type": "Feature", "geometry": geojson_of(geom), "properties": said} for geom, said in shapes]
    return {"type": "FeatureCollection", "features": features}


def write(path: Path, value: dict[str, Any]) -> None:
    """Leaves a request or shapes for the engine."""
    path.write_bytes(orjson.dumps(value))


async def fetch(run: Run, topic: str, template: str, tiles: Sequence[Tile], folder: Path) -> None:
    """Brings the imagery."""

    async def report(done: int, total: int) -> None:
        said = Progress(FETCHING_SHARE * done / max(total, 1), "imagery", f"{done} of {total} tiles are here.")
        await run.report(said, topic=topic)

    await imagery.fetch_tiles(template, tiles, folder / "tiles", report=report, cancelled=lambda: run.is_over)
    run.go_on()


def teller(run: Run, topic: str) -> Callable[[Message], Awaitable[None]]:
    """Passes on what the engine says; its progress follows the fetching's."""

    async def said(message: Message) -> None:
        progress = Progress(
            progress=FETCHING_SHARE + (1 - FETCHING_SHARE) * message["progress"],
            stage=message["stage"],
            message=message["message"],
            eta_s=message.get("eta_s"),
        )
        await run.report(progress, topic=topic, epoch=message.get("epoch"))

    return said


async def keep(folder: Path, names: dict[str, str], prefix: str) -> list[Left]:
    """Puts what the engine left into storage, under a name no other attempt uses."""
    left = []
    for name, media_type in names.items():
        path, key = folder / name, f"{prefix}/{name}"
        await storage.put(key, path)
        left.append(Left(name, media_type, path.stat().st_size, key))
    return left
