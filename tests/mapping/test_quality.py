"""What may spoil a training, told before it is started."""

import asyncio

import pytest
import shapely
from shapely import affinity, box
from shapely.geometry import shape
from sqlalchemy import select

from app.gateways import outside
from app.gateways.fakes import village
from app.geometry.tiles import covering
from app.models.mapping.datasets import DownloadStatus
from app.models.mapping.inspections import Inspection
from app.models.mapping.trainings import TrainingStatus
from app.models.system import JobState
from app.settings import settings
from resolvers import ids
from tests import factories

AREA = village.TRAINING_AREAS[2]
QUALITY = """query ($id: ID!) { datasetQuality(datasetId: $id) {
    warnings { kind message count areas { id } } isInspectionCurrent
    inspection { id status tiles tilesWithoutImagery groundWithoutImagery shiftM suggestedOffset }
} }"""
FITTING = box(12.0, 46.0, 12.002, 46.001)


@pytest.fixture
async def dataset(database, owner):
    return await factories.dataset(database, owner.id)


@pytest.fixture
def quality(ask):
    async def quality(dataset, **how) -> dict:
        return (await ask(QUALITY, id=ids.encode(dataset), **how))["datasetQuality"]

    return quality


async def warned(quality, dataset) -> dict[str, tuple[int, list[str]]]:
    """Each warning's count and areas by its kind."""
    found = (await quality(dataset))["warnings"]
    return {each["kind"]: (each["count"], [area["id"] for area in each["areas"]]) for each in found}


async def test_a_dataset_in_order_is_warned_of_nothing(quality, database, dataset):
    await factories.label(database, await factories.aoi(database, dataset, FITTING))
    neighbour = await factories.aoi(database, dataset, affinity.translate(FITTING, 0.002))
    await factories.label(database, neighbour, geom=affinity.translate(FITTING, 0.0015))
    assert await quality(dataset) == {"warnings": [], "isInspectionCurrent": False, "inspection": None}


async def test_areas_nobody_labelled_are_told_and_those_found_empty_are_not(quality, database, dataset):
    bare = await factories.aoi(database, dataset, FITTING)
    await factories.aoi(database, dataset, affinity.translate(FITTING, 1), label_status=DownloadStatus.DOWNLOADED)
    await factories.label(database, await factories.aoi(database, dataset, affinity.translate(FITTING, 2)))
    assert (await warned(quality, dataset))["AREA_WITHOUT_LABELS"] == (1, [ids.encode(bare)])


async def test_labels_outside_their_area_are_counted(quality, database, dataset):
    area = await factories.aoi(database, dataset, FITTING)
    for east in (0.0, 1.0, 2.0):
        await factories.label(database, area, geom=affinity.translate(box(12.0, 46.0, 12.0001, 46.0001), east))
    assert await warned(quality, dataset) == {"LABELS_OUTSIDE_AREA": (2, [ids.encode(area)])}


async def test_tiny_and_huge_areas_are_told_by_their_true_size(quality, database, dataset):
    # The same degrees: 6 100 m² at the equator, 3 100 m² at 60° north.
    fair = await factories.aoi(database, dataset, box(12, 0, 12.0007, 0.0007))
    tiny = await factories.aoi(database, dataset, box(12, 60, 12.0007, 60.0007))
    huge = await factories.aoi(database, dataset, box(13, 46, 13.014, 46.01))
    for area in (fair, tiny, huge):
        await factories.label(database, area, geom=area.geom)
    assert await warned(quality, dataset) == {
        "AREA_TINY": (1, [ids.encode(tiny)]),
        "AREA_HUGE": (1, [ids.encode(huge)]),
    }


async def test_areas_that_overlap_are_told_and_neighbours_are_not(quality, database, dataset):
    steps = (0.0, 0.001, 0.003, 1.0)
    areas = [await factories.aoi(database, dataset, affinity.translate(FITTING, step)) for step in steps]
    for area in areas:
        await factories.label(database, area, geom=area.geom)
    elsewhere = await factories.dataset(database, dataset.user_id)
    await factories.aoi(database, elsewhere, affinity.translate(FITTING, 1.0))
    assert await warned(quality, dataset) == {"AREAS_OVERLAP": (2, [ids.encode(area) for area in areas[:2]])}


async def test_a_dataset_that_is_not_there_has_no_quality(ask):
    assert (await ask(QUALITY, id=ids.global_ids("Dataset")[10**9])).codes == ["NOT_FOUND"]


@pytest.fixture
async def photographed(database, owner, outside):
    """A dataset of the village whose labels lie ten metres beside their houses."""
    template = f"{outside.url}/tiles/{{z}}/{{x}}/{{y}}.png"
    dataset = await factories.dataset(database, owner.id, source_imagery=template, offset=[6.0, -8.0])
    area = await factories.aoi(database, dataset, AREA)
    for house in village.footprints(AREA.bounds):
        if house.geometry.intersects(AREA):
            await factories.label(database, area, geom=house.geometry)
    return dataset


async def test_labels_beside_their_houses_are_seen_and_the_suggested_offset_mends_that(
    change, quality, owner, other, photographed, work
):
    id = ids.encode(photographed)
    asked = await change("inspectDataset", "status job { kind state }", viewer=other, datasetId=id)
    assert (asked["status"], asked["job"]) == ("SUBMITTED", {"kind": "INSPECT", "state": "QUEUED"})
    assert (await work()).state is JobState.DONE
    found = await quality(photographed)
    assert found["isInspectionCurrent"]
    [warning] = found["warnings"]
    assert (warning["kind"], warning["count"], len(warning["areas"])) == ("LABELS_MISALIGNED", 1, 1)
    inspection = found["inspection"]
    assert (inspection["status"], inspection["tilesWithoutImagery"]) == ("FINISHED", 0)
    assert inspection["shiftM"] == pytest.approx(6.9, abs=0.4)
    assert inspection["suggestedOffset"] == pytest.approx([0, 0], abs=0.5)
    await change("updateDataset", viewer=owner, id=id, offset=inspection["suggestedOffset"])
    mended = await quality(photographed)
    assert (mended["isInspectionCurrent"], mended["warnings"]) == (False, [])
    await change("inspectDataset", viewer=owner, datasetId=id)
    await work()
    again = await quality(photographed)
    assert (again["isInspectionCurrent"], again["warnings"]) == (True, [])
    assert again["inspection"]["shiftM"] < 0.3


async def test_tiles_without_a_picture_are_told_of(change, quality, database, photographed, owner, work, monkeypatch):
    async def some(client, url, **how):
        reply = await fetch(client, url, **how)
        return reply._replace(status=204) if f"/{missing.y}.png" in url else reply

    fetch, missing = outside.fetch, covering(AREA, 19)[-1]
    monkeypatch.setattr(outside, "fetch", some)
    row = [tile for tile in covering(AREA, 19) if tile.y == missing.y]
    # Another address than any tile was kept under.
    template = f"{photographed.source_imagery}?with-holes"
    id = ids.encode(photographed)
    await change("updateDataset", viewer=owner, id=id, offset=[0, 0], sourceImagery=template)
    await change("inspectDataset", viewer=owner, datasetId=ids.encode(photographed))
    await work()
    found = await quality(photographed)
    [warning] = found["warnings"]
    assert (warning["kind"], warning["count"], len(warning["areas"])) == ("IMAGERY_MISSING", len(row), 1)
    assert (found["inspection"]["tiles"], found["inspection"]["tilesWithoutImagery"]) == (
        len(covering(AREA, 19)),
        len(row),
    )
    unseen = shapely.union_all([box(*tile.bounds) for tile in row]) & AREA
    assert shape(found["inspection"]["groundWithoutImagery"]).symmetric_difference(unseen).area < 1e-9


async def test_an_inspection_that_gets_no_picture_fails_and_says_why(
    ask, change, quality, database, owner, broken, work
):
    dataset = await factories.dataset(database, owner.id, source_imagery=f"{broken}/missing/{{z}}/{{x}}/{{y}}.png")
    await factories.aoi(database, dataset, FITTING)
    asked = await change("inspectDataset", viewer=owner, datasetId=ids.encode(dataset))
    assert (await work()).state is JobState.FAILED
    answer = await ask("query ($id: ID!) { inspection(id: $id) { status failure } }", id=asked["id"])
    assert answer["inspection"]["status"] == "FAILED"
    assert answer["inspection"]["failure"]
    assert (await quality(dataset))["inspection"] is None


async def test_an_inspection_is_watched_to_its_end(change, owner, photographed, work, happened):
    asked = await change("inspectDataset", viewer=owner, datasetId=ids.encode(photographed))
    await work()
    told = await happened(f"inspection:{ids.key(asked['id'], Inspection)}")
    assert [said["status"] for said in told if "status" in said] == ["SUBMITTED", "RUNNING", "FINISHED"]


async def test_one_dataset_is_inspected_once_at_a_time(change, owner, photographed):
    inspect = {"viewer": owner, "datasetId": ids.encode(photographed)}
    answers = await asyncio.gather(*(change("inspectDataset", **inspect) for _ in range(5)))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 4 + ["Inspection"]


async def test_what_cannot_be_inspected_is_refused(refuse, database, owner, photographed, monkeypatch):
    id = ids.encode(photographed)
    assert (await refuse("inspectDataset", viewer=None, datasetId=id))["code"] == "UNAUTHENTICATED"
    for zoom in (17, 22):
        refused = await refuse("inspectDataset", viewer=owner, datasetId=id, zoomLevel=zoom)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "zoomLevel")
    bare = await factories.dataset(database, owner.id)
    blind = await factories.dataset(database, owner.id, source_imagery=None)
    for dataset in (bare, blind):
        refused = await refuse("inspectDataset", viewer=owner, datasetId=ids.encode(dataset))
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "datasetId")
    monkeypatch.setattr(settings, "tiles_per_job_max", 2)
    assert (await refuse("inspectDataset", viewer=owner, datasetId=id))["code"] == "LIMIT_REACHED"


async def test_an_inspection_goes_with_its_dataset(change, database, owner, photographed):
    await factories.inspection(database, photographed, status=TrainingStatus.FAILED)
    await change("deleteDataset", viewer=owner, id=ids.encode(photographed))
    async with database.reading() as session:
        assert (await session.scalars(select(Inspection))).all() == []
