"""What all engines tell and leave: the progress of a training, the outlines of a prediction."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import shapely

from app.geometry.tiles import Tile
from app.learning.engine import Epoch, Failure, PredictionRequest, Report
from app.learning.imagery.mosaic import Pixels, tiles_in
from app.learning.imagery.projection import read_polygons
from app.learning.predictions.polygons import Building, Drawing, buildings
from app.learning.predictions.windows import Look, odds_of_tiles

# Where on the progress bar the stages meet.
PREPARED, TRAINED = 0.05, 0.95
PREDICTED = 0.9


def scaled(report: Report, start: float = PREPARED, end: float = TRAINED) -> Report:
    """The same report for a stage alone, whose progress is a part of the whole; by default of the training."""

    def report_share(
        stage: str,
        progress: float,
        message: str,
        *,
        eta_s: float | None = None,
        epoch: Epoch | None = None,
        best: float | None = None,
    ) -> None:
        report(stage, start + progress * (end - start), message, eta_s=eta_s, epoch=epoch, best=best)

    return report_share


def search(
    look: Look, folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Find the buildings on `tiles/` inside `area.geojson`; leave `predictions.geojson`."""
    odds = looked_over(look, folder, request, report, cancelled)
    report("vectorising", PREDICTED, "Drawing outlines")
    outlines = outlined(odds, folder, request)
    write_outlines(folder / "predictions.geojson", outlines)
    return {"count": len(outlines), "artefacts": ["predictions.geojson"]}


def looked_over(
    look: Look, folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]
) -> dict[Tile, Pixels]:
    """The odds of all tiles that have imagery."""
    tiles = tiles_in(folder / "tiles", request.zoom_level)
    odds: dict[Tile, Pixels] = {}
    began = monotonic()
    for tile, answer in odds_of_tiles(look, folder / "tiles", tiles, cancelled):
        odds[tile] = answer
        done = len(odds) / len(tiles)
        eta_s = (monotonic() - began) * (1 / done - 1)
        report("predicting", PREDICTED * done, f"{len(odds)} of {len(tiles)} tiles", eta_s=eta_s)
    if not odds:
        raise Failure(
            "There is no imagery at this zoom level inside the area. Choose another zoom level or other imagery."
        )
    return odds


def outlined(odds: Mapping[Tile, Pixels], folder: Path, request: PredictionRequest) -> list[Building]:
    """The buildings in odds, drawn as asked for."""
    return buildings(
        odds,
        threshold=request.confidence / 100,
        area=shapely.union_all(read_polygons(folder / "area.geojson")),
        drawing=Drawing(
            tolerance_m=request.tolerance_m,
            area_m2_min=request.area_m2_min,
            orthogonalize=request.orthogonalize,
            max_angle_change_deg=request.max_angle_change_deg,
            skew_tolerance_deg=request.skew_tolerance_deg,
            seam_m=request.seam_m,
        ),
    )


def write_outlines(path: Path, outlines: list[Building]) -> None:
    """Writes buildings as GeoJSON."""
    features = [_feature(building) for building in outlines]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _feature(building: Building) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(building.polygon),
        "properties": {
            "confidence": round(building.confidence, 4),
            "area_m2": round(building.area_m2, 2),
            "building": "yes",
            "source": "Fieldgraph",
        },
    }
