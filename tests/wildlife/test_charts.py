"""Charts of activity and of projects."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from app import parsing
from app.pictures import charts, maps
from app.pictures.charts import AMBER, GREEN

DAY_S = 86_400


def pixels(content: bytes) -> np.ndarray:
    with Image.open(BytesIO(content)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"), np.int16)


def like(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(picture - np.array(colour)).max(-1) < 12


def colour(text: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


async def test_a_bar_stands_at_the_hour_of_its_records():
    morning, evening = ([4 if hour == at else 0 for hour in range(24)] for at in (7, 20))
    early, late = [
        pixels(await parsing.run(charts.activity_chart, "Vulpes vulpes", hours, [0] * 24))
        for hours in (morning, evening)
    ]
    green = (4, 120, 87)
    columns = [np.flatnonzero(like(picture, green)[: picture.shape[0] * 3 // 4].any(0)) for picture in (early, late)]
    width = early.shape[1]
    assert columns[0].max() < width * 0.45
    assert columns[1].min() > width * 0.7


async def test_the_same_numbers_give_the_same_file():
    asked = "Fox $1 & $2", [1] * 24, list(range(24))
    assert await parsing.run(charts.activity_chart, *asked) == await parsing.run(charts.activity_chart, *asked)


async def test_an_overview_shows_failures_and_works_without_anything():
    rows = [["WOOD-1", 0, 20 * DAY_S, [[8 * DAY_S, 10 * DAY_S]]], ["WOOD-2", 3 * DAY_S, 20 * DAY_S, []]]
    full = pixels(await parsing.run(charts.overview_chart, "Wood", rows, [["Sus scrofa", 12]], [5, 3, 2, 10]))
    empty = pixels(await parsing.run(charts.overview_chart, "Empty", [], [], [0, 0, 0, 0]))
    red = (220, 38, 38)
    assert 0 < like(full, red).mean() < 0.02
    assert not like(empty, red).any()


async def test_a_map_shows_places_where_they_are_and_works_without_any():
    south_west, north_east = ["Oak", 23.8, 52.6, 9, False], ["Ash", 23.9, 52.7, 1, False]
    coarse = ["Den", 23.8, 52.7, 1, True]
    drawn = pixels(await parsing.run(maps.deployment_map, "Wood $1", [south_west, north_east, coarse]))
    rows, columns = np.nonzero(like(drawn, colour(GREEN)))
    assert rows[columns < columns.mean()].mean() > rows[columns > columns.mean()].mean(), "north is up, east is right"
    assert like(drawn, colour(AMBER)).any()
    empty = pixels(await parsing.run(maps.deployment_map, "Empty", []))
    assert not like(empty, colour(GREEN)).any()
    alone = pixels(await parsing.run(maps.deployment_map, "One", [["Far north", -179.9, 89.9, 0, False]]))
    assert like(alone, colour(GREEN)).any()


@pytest.mark.parametrize(("length", "shown"), [(1, 1), (4.9, 2), (999, 500), (12_345, 10_000), (0.03, 0.02)])
def test_the_scale_of_a_map_is_round(length, shown):
    assert maps.round_length(length) == pytest.approx(shown)


async def test_a_project_of_many_cameras_fits():
    rows = [[f"Camera {number}", 0, (number + 1) * DAY_S, []] for number in range(200)]
    species = [[f"Species {number}", number] for number in range(30)]
    picture = pixels(await parsing.run(charts.overview_chart, "Large", rows, species, [1, 2, 3, 4]))
    assert picture.shape[0] < 6_000
