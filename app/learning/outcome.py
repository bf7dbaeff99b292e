"""What all engines tell and leave: the progress of a training, the outlines of a prediction."""

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import shapely

from app.learning.engine import Epoch, Failure, PredictionRequest, Report
from app.learning.mosaic import Pixels, tiles_in
from app.learning.polygons import Building, Drawing, buildings
from app.learning.prediction import Look, odds_of_tiles
from app.learning.projection import read_polygons
from app.tiles import Tile

# Where on the progress bar the stages meet.
PREPARED, TRAINED = 0.05, 0.95
PREDICTED = 0.9


def scaled(report: Report) -> Report:
    """The same report for the training alone, whose progress is a part of the whole."""

    def report_share(
        stage: str,
        progress: float,
        message: str,
        *,
        eta_s: float | None = None,
        epoch: Epoch | None = None,
        best: float | None = None,
    ) -> None:
        report(stage, PREPARED + progress * (TRAINED - PREPARED), message, eta_s=eta_s, epoch=epoch, best=best)

    return report_share


def search(
    look: Look, folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Find the buildings on `tiles/` inside `area.geojson`; leave `predictions.geojson`."""
    area = shapely.union_all(read_polygons(folder / "area.geojson"))
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
    report("vectorising", PREDICTED, "Drawing outlines")
    outlines = buildings(
        odds,
        threshold=request.confidence / 100,
        area=area,
        drawing=Drawing(
            tolerance_m=request.tolerance_m,
            area_m2_min=request.area_m2_min,
            orthogonalize=request.orthogonalize,
            max_angle_change_deg=request.max_angle_change_deg,
            skew_tolerance_deg=request.skew_tolerance_deg,
            seam_m=request.seam_m,
        ),
    )
    features = [_feature(building) for building in outlines]
    document = {"type": "FeatureCollection", "features": features}
    (folder / "predictions.geojson").write_text(json.dumps(document))
    return {"count": len(features), "artefacts": ["predictions.geojson"]}


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
