"""What an inspection sees: how far labels lie beside what they outline, and where there is no picture."""

import numpy as np
import pytest
import shapely

from app.gateways.fakes import village
from app.geometry.tiles import PIXELS, covering
from app.learning.engine import Cancelled, InspectionRequest
from app.learning.imagery.inspection import inspect

AREA = village.TRAINING_AREAS[2]


@pytest.fixture(scope="session")
def ground(tmp_path_factory, new_site):
    """Part of the village, photographed, with its true outlines."""
    site = new_site(tmp_path_factory.mktemp("village"))
    for tile in covering(AREA, 19):
        path = site.folder / "tiles" / "19" / str(tile.x) / f"{tile.y}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(village.tile_png(tile))
    site.write_shapes("aois.geojson", AREA)
    site.write_shapes("labels.geojson", *(house.geometry for house in village.footprints(AREA.bounds)))
    return site


def seen(site, offset_m=(0.0, 0.0), cancelled=lambda: False):
    return inspect(site.folder, InspectionRequest(19, offset_m), lambda *_, **__: None, cancelled)


def test_labels_that_lie_right_are_left_there(ground):
    assert seen(ground)["shift"]["distance_m"] < 0.5


@pytest.mark.parametrize("moved", [(4.0, 0.0), (0.0, -3.0), (-6.0, 5.0), (9.0, 8.0)])
def test_labels_moved_by_known_metres_are_found_by_so_many(ground, moved):
    right = seen(ground)["shift"]
    shift = seen(ground, moved)["shift"]

    assert shift["east_m"] - right["east_m"] == pytest.approx(-moved[0], abs=0.1)
    assert shift["north_m"] - right["north_m"] == pytest.approx(-moved[1], abs=0.1)
    # True metres, at 46° north.
    assert shift["distance_m"] == pytest.approx(np.hypot(shift["east_m"], shift["north_m"]) * 0.689, rel=0.01)


def test_each_area_speaks_for_itself(ground):
    [area] = seen(ground, (4.0, 0.0))["areas"]

    assert area["shift"]["east_m"] == pytest.approx(-4.0, abs=0.5)
    assert (area["tiles"], area["tiles_without_imagery"]) == (len(covering(AREA, 19)), 0)


def test_labels_that_belong_elsewhere_and_few_labels_suggest_nothing(ground, tmp_path, new_site):
    site = new_site(tmp_path)
    (site.folder / "tiles").symlink_to(ground.folder / "tiles")
    site.write_shapes("aois.geojson", AREA)
    houses = [house.geometry for house in village.footprints(AREA.bounds)]
    middle = AREA.centroid
    site.write_shapes("labels.geojson", *(shapely.affinity.rotate(each, 90, origin=middle) for each in houses))
    turned = seen(site)
    site.write_shapes("labels.geojson", *houses[:4])

    assert (turned["shift"], seen(site)["shift"]) == (None, None)


def test_missing_tiles_and_those_of_one_colour_are_without_imagery(site):
    site.write()
    missing, blank, *_ = site.tiles()
    (site.folder / f"tiles/19/{missing.x}/{missing.y}.png").unlink()
    site.write_tile(blank, np.full((PIXELS, PIXELS, 3), 255, np.uint8))
    site.write_shapes("aois.geojson", site.box(1, 1, 511, 511), site.box(300, 300, 500, 500))

    whole, corner = seen(site)["areas"]

    assert (whole["tiles"], whole["tiles_without_imagery"]) == (4, 2)
    assert (corner["tiles"], corner["tiles_without_imagery"]) == (1, 0)


def test_an_area_without_labels_suggests_nothing(site):
    site.write().write_shapes("labels.geojson")
    site.write_shapes("aois.geojson", site.box(1, 1, 511, 511))

    assert seen(site) == {
        "shift": None,
        "areas": [{"tiles": 4, "tiles_without_imagery": 0, "shift": None}],
        "without_imagery": [],
    }


def test_it_stops_when_it_is_asked_to(site):
    with pytest.raises(Cancelled):
        seen(site.write(), cancelled=lambda: True)
