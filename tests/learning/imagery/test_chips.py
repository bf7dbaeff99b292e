"""What is learnt from: which pixels count, as what, and on which side of the split."""

import numpy as np
import pytest
from scipy import ndimage

from app.geometry.tiles import PIXELS, Tile
from app.learning.engine import Failure
from app.learning.imagery.chips import BUILDING, IGNORE, Parting, part, read_chips
from app.learning.imagery.projection import pixel_grid


def read(site, zooms=(19,), offset_m=(0.0, 0.0)):
    return read_chips(site.folder, zooms, offset_m, lambda: False)


def whole(chips, site):
    """The masks as one picture of the site."""
    rows = chips.masks.reshape(site.down, site.across, PIXELS, PIXELS)
    return rows.transpose(0, 2, 1, 3).reshape(site.down * PIXELS, site.across * PIXELS)


def test_labels_are_drawn_to_the_pixel(site):
    picture = np.zeros((512, 512), np.uint8)
    for west, north, east, south in site.houses:
        picture[north:south, west:east] = BUILDING

    assert np.array_equal(whole(read(site.write()), site), picture)


def test_pixels_outside_the_areas_are_ignored(site):
    site.write().write_shapes("aois.geojson", site.box(0, 0, 200, 300), site.box(400, 400, 512, 512))

    mask = whole(read(site), site)

    inside = np.zeros((512, 512), np.bool_)
    inside[0:300, 0:200] = inside[400:, 400:] = True
    assert np.array_equal(mask != IGNORE, inside)


def test_transparent_pixels_and_missing_tiles_are_ignored(site):
    site.write()
    clear, missing, broken, _ = site.tiles()
    pixels = np.full((PIXELS, PIXELS, 4), 200, np.uint8)
    pixels[:, 128:, 3] = 0
    site.write_tile(clear, pixels)
    (site.folder / f"tiles/19/{missing.x}/{missing.y}.png").unlink()
    (site.folder / f"tiles/19/{broken.x}/{broken.y}.png").write_bytes(b"<html>no such tile</html>")

    chips = read(site)

    assert [tile for tile in site.tiles() if tile in chips.tiles] == [site.tiles()[0], site.tiles()[3]]
    assert (chips.masks[0][:, 128:] == IGNORE).all()
    assert (chips.masks[0][:, :128] != IGNORE).all()


def test_an_offset_moves_the_labels_by_as_many_metres_of_web_mercator(site):
    site.write()
    pixel_m = pixel_grid(19, 0, 0).a
    before = whole(read(site), site)

    after = whole(read(site, offset_m=(5 * pixel_m, 3 * pixel_m)), site)

    # East is to the right, north is up.
    assert np.array_equal(after[:-3, 5:], before[3:, :-5])
    assert not np.array_equal(after, before)


def test_labels_that_cross_themselves_are_mended_and_points_left_out(site):
    site.write()
    (site.folder / "labels.geojson").write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry":'
        '{"type": "Point", "coordinates": [0, 0]}}]}'
    )
    with pytest.raises(Failure, match="No label lies on the imagery"):
        read(site)
    bow = site.outline((0, 0), (100, 100), (100, 0), (0, 100))
    site.write_shapes("labels.geojson", bow)

    assert np.count_nonzero(read(site).masks == BUILDING) == pytest.approx(100 * 100 / 2, abs=200)


def test_no_imagery_is_said_in_words(site):
    site.write()

    with pytest.raises(Failure, match="no imagery"):
        read(site, zooms=(20,))


def with_two_zooms(site):
    """The same ground at zoom 19 and 20."""
    site.write()
    for tile in site.tiles():
        for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
            site.write_tile(Tile(20, 2 * tile.x + x, 2 * tile.y + y), np.full((PIXELS, PIXELS, 3), 90, np.uint8))
    return read(site, zooms=(19, 20))


def ground(chips, masks):
    """Which eighths of zoom-19 tiles have a label at any zoom."""
    found = set()
    for tile, mask in zip(chips.tiles, masks, strict=True):
        count = 2 ** (22 - tile.z)
        cells = (mask != IGNORE).reshape(count, PIXELS // count, count, PIXELS // count).any((1, 3))
        found |= {(tile.x * count + x, tile.y * count + y) for y, x in np.argwhere(cells)}
    return found


def test_no_ground_is_on_both_sides_at_any_zoom(site):
    chips = with_two_zooms(site)
    sides = part(chips)

    training, validation = ground(chips, sides.training), ground(chips, sides.validation)

    assert len(chips.tiles) == 20
    assert not training & validation
    assert training | validation == ground(chips, chips.masks)
    assert (sides.training == BUILDING).any()
    assert (sides.validation == BUILDING).any()


def test_the_same_ground_is_set_aside_each_time_so_that_figures_compare(site):
    chips = with_two_zooms(site)
    assert part(chips).parting == part(chips).parting


def test_what_is_set_aside_has_its_neighbours_on_the_other_side(site):
    site.across = site.down = 4
    site.houses = [(20 + 256 * i, 30 + 256 * j, 90 + 256 * i, 100 + 256 * j) for i in range(4) for j in range(4)]
    chips = read(site.write())

    aside = (part(chips).validation != IGNORE).any((1, 2)).reshape(4, 4)

    _, groups = ndimage.label(aside, np.ones((3, 3)))
    assert groups == aside.sum() == 3


def test_enough_tiles_are_split_whole(site):
    site.across, site.down = 6, 2
    site.houses = [(20 + 256 * i, 30 + 256 * j, 90 + 256 * i, 100 + 256 * j) for i in range(6) for j in range(2)]
    chips = read(site.write())

    aside = (part(chips).validation != IGNORE).any((1, 2))

    assert (part(chips).training != IGNORE).any((1, 2)).tolist() == (~aside).tolist()
    assert 1 <= aside.sum() <= 4


def test_even_one_tile_is_parted(site):
    site.across = site.down = 1
    site.houses = site.houses[:2]
    chips = read(site.write())

    sides = part(chips)

    assert (sides.training == BUILDING).any()
    assert (sides.validation == BUILDING).any()


def test_one_small_building_cannot_be_parted_and_that_is_said_in_words(site):
    site.houses = [(10, 10, 30, 30)]
    chips = read(site.write())

    with pytest.raises(Failure, match="too close together"):
        part(chips)


def village_of(site, across):
    """A row of tiles with a house in each."""
    site.across, site.down = across, 2
    site.houses = [(20 + 256 * i, 30 + 256 * j, 90 + 256 * i, 100 + 256 * j) for i in range(across) for j in range(2)]
    return read(site.write())


def test_ground_stays_on_its_side_when_a_training_is_continued(site):
    before = part(village_of(site, 4)).parting
    sides = part(village_of(site, 8), Parting.read(before.written()))

    assert before.zoom == sides.parting.zoom
    assert before.learned <= sides.parting.learned
    assert before.aside < sides.parting.aside
    assert len(sides.parting.aside - before.aside) == round(0.2 * 8)


def test_a_continued_training_on_no_new_ground_is_judged_where_it_was(site):
    chips = village_of(site, 4)
    before = part(chips)

    again = part(chips, before.parting)

    assert again.parting == before.parting
    assert np.array_equal(again.validation, before.validation)


@pytest.mark.parametrize(
    "before", [Parting(25, frozenset(), frozenset()), Parting(19, frozenset({1}), frozenset({2}))], ids=["finer", "far"]
)
def test_ground_that_was_parted_otherwise_is_parted_anew(site, before):
    chips = village_of(site, 4)

    sides = part(chips, before)

    assert (sides.training == BUILDING).any()
    assert (sides.validation == BUILDING).any()
    assert sides.parting == part(chips).parting
