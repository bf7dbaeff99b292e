"""Learning without labels: what a network is sure of on new ground teaches it the rest; both answers are returned."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from app.geometry.tiles import Tile
from app.learning.engine import PredictionRequest, Report
from app.learning.imagery.chips import BACKGROUND, BUILDING, IGNORE, Chips, drawn
from app.learning.imagery.mosaic import Pixels, read_tile
from app.learning.imagery.projection import to_mercator
from app.learning.outcome import looked_over, outlined, scaled, write_outlines
from app.learning.predictions.instances import FOOTPRINT
from app.learning.predictions.polygons import Building
from app.learning.predictions.windows import ODDS_MAX, Look

# From these odds on the network is believed.
SURELY_BUILDING, SURELY_GROUND = 0.75, 0.1
# Where on the progress bar the short training is.
ADAPTING = (0.35, 0.65)


def search_twice(
    look: Look,
    again: Callable[[Chips], Look],
    folder: Path,
    request: PredictionRequest,
    report: Report,
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Find the buildings as ever, and leave beside them, in `adapted.geojson`, what is found after adapting."""
    start, end = ADAPTING
    odds = looked_over(look, folder, request, scaled(report, 0.0, start), cancelled)
    plain = outlined(odds, folder, request)
    write_outlines(folder / "predictions.geojson", plain)
    report("adapting", start, "Learning from what is sure")
    chips = _sure(odds, plain, folder)
    adapted = plain
    if (chips.masks == BUILDING).any():
        better = again(chips)
        odds = looked_over(better, folder, request, scaled(report, end, 1.0), cancelled)
        adapted = outlined(odds, folder, request)
    write_outlines(folder / "adapted.geojson", adapted)
    figures = {"features": len(adapted), "plain_features": len(plain), "agreement": _agreement(plain, adapted)}
    return {"count": len(plain), "adaptation": figures, "artefacts": ["predictions.geojson", "adapted.geojson"]}


def _sure(odds: Mapping[Tile, Pixels], plain: list[Building], folder: Path) -> Chips:
    """The tiles with masks of what the network is sure of; the rest is unknown."""
    footprints = shapely.STRtree(to_mercator([building.polygon for building in plain]))
    tiles, images, masks = [], [], []
    for tile, answer in odds.items():
        pixels = read_tile(folder / "tiles", tile)
        if pixels is None:
            continue
        footprint = answer if answer.ndim == 2 else answer[..., FOOTPRINT]
        inside = drawn(footprints, tile) > 0
        mask = np.full(footprint.shape, IGNORE, np.uint8)
        mask[inside & (footprint >= SURELY_BUILDING * ODDS_MAX)] = BUILDING
        mask[~inside & (footprint > 0) & (footprint <= SURELY_GROUND * ODDS_MAX)] = BACKGROUND
        tiles.append(tile)
        images.append(pixels[0])
        masks.append(mask)
    return Chips(tiles, np.stack(images), np.stack(masks), footprints)


def _agreement(one: list[Building], other: list[Building]) -> float:
    """The intersection over union of the ground of both."""
    grounds = [shapely.union_all([building.polygon for building in buildings]) for buildings in (one, other)]
    whole = shapely.union(*grounds).area
    return round(shapely.intersection(*grounds).area / whole, 4) if whole else 1.0
