"""One building of what several parts have found of it."""

import pytest
import shapely
from shapely import Polygon, box
from shapely.affinity import translate
from sqlalchemy import select

from app.geometry.shapes import area_m2
from app.models.mapping.predictions import PredictedFeature
from app.models.mapping.trainings import Training
from app.services.mapping.predictions import execution
from tests import factories

UNIT = 0.0001
HOUSE = box(0, 0, 1, 1)
COURT = Polygon(box(0, 0, 3, 3).exterior, [box(1, 1, 2, 2).exterior])


def here(shape):
    return shapely.transform(shape, lambda points: points * UNIT + (12, 46))


@pytest.fixture
async def prediction(database, owner):
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset))
    return await factories.prediction(database, training, parts=4)


@pytest.fixture
def joined(database, prediction):
    """What is left of shapes that parts have found, given as (part, shape, confidence); in the unit's measure."""

    async def joined(*given):
        for part, shape, confidence in given:
            size = area_m2(here(shape))
            await factories.feature(
                database, prediction, part=part, geom=here(shape), confidence=confidence, area_m2=size
            )
        async with database.writing() as session:
            await execution.join_parts(session, prediction.id)
        async with database.reading() as session:
            rows = select(PredictedFeature).where(PredictedFeature.prediction_id == prediction.id)
            return list(await session.scalars(rows.order_by(PredictedFeature.id)))

    return joined


def is_same(feature, shape):
    return feature.geom.symmetric_difference(here(shape)).area < 1e-6 * here(shape).area


async def test_what_two_parts_saw_whole_is_kept_once(joined):
    almost = box(0.01, 0, 0.99, 1)
    [kept] = await joined((0, almost, 0.6), (1, HOUSE, 0.8))
    assert is_same(kept, HOUSE)
    assert kept.area_m2 == pytest.approx(area_m2(here(HOUSE)), rel=1e-6)
    assert 0.69 < kept.confidence < 0.71


async def test_what_each_saw_a_half_of_is_put_together_with_its_courtyard(joined):
    west, east = COURT & box(0, 0, 1.9, 3), COURT & box(1.2, 0, 3, 3)
    [kept] = await joined((0, west, 0.5), (1, east, 0.5))
    assert is_same(kept, COURT)
    assert len(kept.geom.interiors) == 1
    assert kept.area_m2 == pytest.approx(area_m2(here(COURT)), rel=1e-6)


async def test_a_long_one_keeps_the_end_that_only_one_part_saw(joined):
    west, east = box(0, 0, 20, 1), box(18, 0, 21, 1)
    [kept] = await joined((0, west, 0.5), (1, east, 0.5))
    assert is_same(kept, box(0, 0, 21, 1))


async def test_one_across_four_parts_is_one(joined):
    quarters = [box(x, y, x + 1.2, y + 1.2) for x in (0, 0.8) for y in (0, 0.8)]
    [kept] = await joined(*((part, quarter, 0.5) for part, quarter in enumerate(quarters)))
    assert is_same(kept, box(0, 0, 2, 2))


async def test_a_row_of_them_is_joined_from_end_to_end(joined):
    [kept] = await joined(*((part, box(part, 0, part + 1.5, 1), 0.5) for part in range(10)))
    assert is_same(kept, box(0, 0, 10.5, 1))


@pytest.mark.parametrize("shift", [1.0, 0.9])
async def test_neighbours_that_touch_or_barely_overlap_stay_two(joined, shift):
    assert len(await joined((0, HOUSE, 0.5), (1, translate(HOUSE, shift), 0.5))) == 2


async def test_what_one_part_found_twice_is_its_own_business(joined):
    assert len(await joined((2, HOUSE, 0.5), (2, HOUSE, 0.5))) == 2


async def test_other_predictions_on_the_same_ground_stay_as_they_are(database, joined, prediction):
    async with database.reading() as session:
        training = await session.get_one(Training, prediction.training_id)
    other = await factories.prediction(database, training)
    for part in (0, 1):
        await factories.feature(database, other, part=part, geom=here(HOUSE))
    assert len(await joined((0, HOUSE, 0.5))) == 1
    async with database.reading() as session:
        rows = select(PredictedFeature).where(PredictedFeature.prediction_id == other.id)
        assert len((await session.scalars(rows)).all()) == 2


async def test_joining_again_changes_nothing(joined):
    first = await joined((0, HOUSE, 0.5), (1, HOUSE, 0.7), (1, translate(HOUSE, 5), 0.5))
    again = await joined()
    assert [(one.id, one.geom, one.confidence) for one in first] == [
        (one.id, one.geom, one.confidence) for one in again
    ]
