"""Odds do not depend on where the seams of the tiles lie."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from app.geometry.tiles import PIXELS
from app.learning.engine import Cancelled
from app.learning.predictions.windows import Look, odds_of_tiles


class Brightness(eqx.Module):
    """Stands for a network: the brighter a pixel, the likelier a building."""

    def __call__(self, images):
        return (images.mean(3) - 127.5) / 20


class Position(eqx.Module):
    """Stands for a network that answers by where a pixel lies in its window, as edges make a real one do."""

    def __call__(self, images):
        across = jnp.linspace(-2.0, 2.0, images.shape[2])
        return jnp.broadcast_to(across**2 + across, images.shape[:3])


def looking(network):
    return Look(lambda windows: np.asarray(jax.nn.sigmoid(network(windows.astype(np.float32)))))


def odds(network, site, tiles=None):
    return dict(odds_of_tiles(looking(network), site.folder / "tiles", tiles or site.tiles(), lambda: False))


def test_overlapping_windows_add_up_to_exactly_what_the_network_says(site):
    site.across = 3
    picture = site.write().picture().astype(np.float64)

    found = odds(Brightness(), site)

    expected = 255 / (1 + np.exp(-(picture.mean(2) - 127.5) / 20))
    for tile in site.tiles():
        row, column = (tile.y - site.y) * PIXELS, (tile.x - site.x) * PIXELS
        truth = expected[row : row + PIXELS, column : column + PIXELS]
        assert np.abs(found[tile] - np.maximum(truth, 1)).max() <= 0.51


def test_no_step_shows_where_tiles_meet(site):
    site.across = 4
    found = odds(Position(), site.write())

    row = np.concatenate([found[tile][100] for tile in site.tiles()[:4]]).astype(int)

    assert np.ptp(row) > 50
    assert np.abs(np.diff(row)).max() <= 3


def test_there_are_no_odds_without_imagery(site):
    site.write()
    first, second, third, _ = site.tiles()
    clear = np.full((PIXELS, PIXELS, 4), 255, np.uint8)
    clear[:, :100, 3] = 0
    site.write_tile(first, clear)
    clear[..., 3] = 0
    site.write_tile(second, clear)
    (site.folder / f"tiles/19/{third.x}/{third.y}.png").unlink()

    found = odds(Brightness(), site)

    assert set(found) == {site.tiles()[0], site.tiles()[3]}
    assert (found[first][:, :100] == 0).all()
    assert (found[first][:, 100:] == 255).all()


def test_tiles_far_apart_are_each_looked_at_once(site):
    site.across = site.down = 3
    corners = [site.write().tiles()[index] for index in (0, 2, 6, 8)]

    assert sorted(odds(Brightness(), site, corners)) == sorted(corners)


def test_a_cancelled_prediction_stops(site):
    with pytest.raises(Cancelled):
        list(odds_of_tiles(looking(Brightness()), site.write().folder / "tiles", site.tiles(), lambda: True))
