"""Areas that correct a training: drawn, labelled, reviewed, and copied into the dataset."""

import asyncio

import pytest
from shapely import box
from shapely.affinity import translate
from shapely.geometry import shape
from sqlalchemy import select

from app.gateways.fakes import village
from app.geometry.shapes import to_geojson
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI, Contributions, DownloadStatus, Label, LabelOrigin
from app.models.mapping.feedback import FeedbackAOI, FeedbackLabel, Review
from app.models.mapping.trainings import TrainingStatus
from app.models.system import JobState
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.mapping.shapes import UNFIT, square

FIELDS = """geom sourceImagery labelStatus labelFetched labelError review reviewedAt reviewedBy { username }
    user { username } training { id } aoi { id } labels { totalCount }"""
HOUSE = box(12.0002, 46.0002, 12.0003, 46.0003)
AREA = village.TRAINING_AREAS[2]
TRUTH = [house for house in village.footprints(AREA.bounds) if house.geometry.intersects(AREA)]


@pytest.fixture
async def dataset(database, owner):
    return await factories.dataset(database, owner.id)


@pytest.fixture
async def training(database, dataset):
    return await factories.training(database, await factories.model(database, dataset), status=TrainingStatus.FINISHED)


@pytest.fixture
async def area(database, other, training):
    """Somebody else's correction."""
    return await factories.feedback_aoi(database, training, user_id=other.id)


async def shown(ask, id: str) -> dict:
    return (await ask(f"query ($id: ID!) {{ feedbackAoi(id: $id) {{ __typename id {FIELDS} }} }}", id=id))[
        "feedbackAoi"
    ]


async def test_an_area_is_drawn_and_waits_for_review(ask, change, other, training):
    given = {"trainingId": ids.encode(training), "geom": square(0.001)}
    made = await change("createFeedbackAoi", FIELDS, viewer=other, **given)
    expected = {"labelStatus": "NOT_DOWNLOADED", "review": "PENDING", "reviewedAt": None, "reviewedBy": None}
    assert made == made | expected | {"sourceImagery": training.source_imagery, "user": {"username": "other"}}
    assert await shown(ask, made["id"]) == made


@pytest.mark.parametrize("geom", [UNFIT["crossing itself"], UNFIT["tiny"]], ids=["crossing itself", "tiny"])
async def test_an_area_is_as_an_area_of_interest_is(refuse, other, training, area, geom):
    refused = await refuse("createFeedbackAoi", viewer=other, trainingId=ids.encode(training), geom=geom)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geom")
    refused = await refuse("updateFeedbackAoi", viewer=other, id=ids.encode(area), geom=geom)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geom")


@pytest.fixture
async def label(database, other, area):
    return await factories.feedback_label(database, area, user_id=other.id)


BY_AREA = [
    ("updateFeedbackAoi", "area", {"geom": square(0.002)}),
    ("fetchFeedbackLabels", "area", {}),
    ("drawFeedbackLabel", "area", {"geom": square(0.0001, 12.0005, 46.0005)}),
    ("updateFeedbackLabel", "label", {"tags": {"building": "hut"}}),
    ("deleteFeedbackLabel", "label", {}),
    ("deleteFeedbackAoi", "area", {}),
]


@pytest.fixture
async def third(database):
    from tests.fixtures import Person  # noqa: PLC0415

    signed_in = await factories.user(database, "third")
    return Person(signed_in.user, signed_in.token)


@pytest.mark.parametrize("who", ["owner", "other", "staff", "third"])
@pytest.mark.parametrize(("deed", "row", "input"), BY_AREA, ids=[deed for deed, _, _ in BY_AREA])
async def test_an_area_is_its_authors_the_models_owners_and_staffs(
    change, refuse, database, owner, other, staff, third, area, label, who, deed, row, input
):
    viewer = {"owner": owner, "other": other, "staff": staff, "third": third}[who]
    name = "feedbackAoiId" if deed in {"fetchFeedbackLabels", "drawFeedbackLabel"} else "id"
    given = {name: ids.encode({"area": area, "label": label}[row]), **input}
    async with database.writing() as session:
        approved = await session.get_one(FeedbackAOI, area.id)
        approved.review, approved.reviewed_at, approved.reviewed_by_id = Review.APPROVED, area.created_at, owner.id
    if who == "third":
        assert (await refuse(deed, viewer=viewer, **given))["code"] == "FORBIDDEN"
        return
    assert "code" not in await change(deed, viewer=viewer, **given)
    async with database.reading() as session:
        kept = await session.get(FeedbackAOI, area.id)
    if deed == "deleteFeedbackAoi":
        assert kept is None
    else:
        # What was approved is not what it was, unless a reviewer changed it.
        assert kept.review is (Review.PENDING if who == "other" else Review.APPROVED)
        assert kept.user_id == other.id


async def test_only_the_models_owner_and_staff_review(change, refuse, ask, owner, other, staff, area, label):
    id = ids.encode(area)
    assert (await refuse("reviewFeedbackAoi", viewer=other, id=id, review="APPROVED"))["code"] == "FORBIDDEN"
    approved = await change("reviewFeedbackAoi", FIELDS, viewer=owner, id=id, review="APPROVED")
    assert (approved["review"], approved["reviewedBy"]) == ("APPROVED", {"username": "owner"})
    assert approved["reviewedAt"] is not None
    again = await change("reviewFeedbackAoi", FIELDS, viewer=owner, id=id, review="APPROVED")
    assert again == approved
    rejected = await change("reviewFeedbackAoi", FIELDS, viewer=staff, id=id, review="REJECTED")
    assert (rejected["review"], rejected["reviewedBy"]) == ("REJECTED", {"username": "staff"})
    opened = await change("reviewFeedbackAoi", FIELDS, viewer=owner, id=id, review="PENDING")
    assert (opened["review"], opened["reviewedBy"], opened["reviewedAt"]) == ("PENDING", None, None)
    told = (await ask("{ notifications(orderBy: OLDEST) { nodes { message } } }", viewer=other))["notifications"]
    assert [node["message"] for node in told["nodes"]] == [
        f"Your correction {area.id} of training {area.training_id} was approved.",
        f"Your correction {area.id} of training {area.training_id} was rejected.",
    ]


async def test_what_has_no_labels_is_not_approved(change, refuse, database, owner, training, area):
    refused = await refuse("reviewFeedbackAoi", viewer=owner, id=ids.encode(area), review="APPROVED")
    assert refused["message"] == "This area has no labels yet. Fetch or draw them first."
    fetched = await factories.feedback_aoi(database, training, label_status=DownloadStatus.DOWNLOADED)
    approved = await change("reviewFeedbackAoi", "review", viewer=owner, id=ids.encode(fetched), review="APPROVED")
    assert approved["review"] == "APPROVED"


async def test_openstreetmaps_buildings_become_feedback_labels(change, ask, database, other, training, outside, work):
    area = await factories.feedback_aoi(database, training, user_id=other.id, geom=AREA)
    drawn = await factories.feedback_label(database, area, geom=TRUTH[0].geometry)
    asked = await change("fetchFeedbackLabels", "labelStatus", viewer=other, feedbackAoiId=ids.encode(area))
    assert asked["labelStatus"] == "RUNNING"
    job = await work()
    assert (job.kind, job.state) == (MappingJob.FETCH_FEEDBACK_LABELS, JobState.DONE)
    found = await shown(ask, ids.encode(area))
    assert (found["labelStatus"], found["labelError"]) == ("DOWNLOADED", None)
    assert found["labels"] == {"totalCount": len(TRUTH) + 1}
    await change("fetchFeedbackLabels", viewer=other, feedbackAoiId=ids.encode(area))
    assert (await work()).state is JobState.DONE
    async with database.reading() as session:
        labels = (await session.scalars(select(FeedbackLabel).order_by(FeedbackLabel.id))).all()
    assert [label.id for label in labels if label.origin is LabelOrigin.DRAWN] == [drawn.id]
    assert len(labels) == len(TRUTH) + 1


async def test_a_service_that_is_down_leaves_the_labels_and_says_why(
    change, ask, database, other, area, label, broken, work, monkeypatch
):
    monkeypatch.setattr(settings, "osm_features_url", f"{broken}/503")
    monkeypatch.setattr(settings, "osm_overpass_url", None)
    await change("fetchFeedbackLabels", viewer=other, feedbackAoiId=ids.encode(area))
    assert (await work()).state is JobState.FAILED
    found = await shown(ask, ids.encode(area))
    assert (found["labelStatus"], found["labels"]) == ("NOT_DOWNLOADED", {"totalCount": 1})
    assert found["labelError"].startswith("The OpenStreetMap service")


async def test_while_labels_are_fetched_nothing_changes(refuse, database, owner, area, label):
    async with database.writing() as session:
        (await session.get_one(FeedbackAOI, area.id)).label_status = DownloadStatus.RUNNING
    for deed, row, input in BY_AREA:
        name = "feedbackAoiId" if deed in {"fetchFeedbackLabels", "drawFeedbackLabel"} else "id"
        given = {name: ids.encode({"area": area, "label": label}[row]), **input}
        assert (await refuse(deed, viewer=owner, **given))["code"] == "CONFLICT"
    refused = await refuse("reviewFeedbackAoi", viewer=owner, id=ids.encode(area), review="APPROVED")
    assert refused["code"] == "CONFLICT"


async def test_the_same_outline_is_drawn_once(change, refuse, other, area, monkeypatch):
    given = {"feedbackAoiId": ids.encode(area), "geom": to_geojson(HOUSE)}
    first = await change("drawFeedbackLabel", "tags origin", viewer=other, **given, tags={"building": "yes"})
    again = await change("drawFeedbackLabel", "tags origin", viewer=other, **given)
    assert again == first
    outside = await refuse("drawFeedbackLabel", viewer=other, **given | {"geom": square(0.0001, 13.0)})
    assert (outside["code"], outside["field"]) == ("INVALID_INPUT", "geom")
    monkeypatch.setattr(settings, "feedback_labels_per_area_max", 1)
    full = await refuse("drawFeedbackLabel", viewer=other, **given | {"geom": square(0.0001, 12.0005, 46.0005)})
    assert (full["code"], full["limit"]) == ("LIMIT_REACHED", 1)


async def test_corrections_are_filtered(ask, database, owner, other, training, area, label):
    second = await factories.feedback_aoi(
        database, training, geom=box(13, 46, 13.001, 46.001), review=Review.REJECTED, reviewed_at=area.created_at
    )
    a, b, one = ids.encode(area), ids.encode(second), ids.encode(label)
    model = factories.Model(id=training.model_id)
    asked = {
        "feedbackAois": [a, b],
        f'feedbackAois(trainingId: "{ids.encode(training)}")': [a, b],
        f'feedbackAois(modelId: "{ids.encode(model)}")': [a, b],
        f'feedbackAois(userId: "{ids.encode(other.user)}")': [a],
        "feedbackAois(review: REJECTED)": [b],
        "feedbackAois(bbox: [12.9, 45.9, 13.1, 46.1])": [b],
        "feedbackLabels": [one],
        f'feedbackLabels(feedbackAoiId: "{b}")': [],
        f'feedbackLabels(trainingId: "{ids.encode(training)}")': [one],
        "feedbackLabels(bbox: [12.0003, 46.0003, 12.1, 46.1])": [one],
        "feedbackLabels(bbox: [12.9, 45.9, 13.1, 46.1])": [],
    }
    for field, expected in asked.items():
        answer = await ask(f"{{ found: {field} {{ nodes {{ id }} totalCount }} }}")
        assert [node["id"] for node in answer["found"]["nodes"]] == expected[::-1], field
        assert answer["found"]["totalCount"] == len(expected)


async def test_a_correction_is_copied_into_the_dataset_with_its_labels(
    ask, change, database, owner, other, dataset, training, area, label
):
    async with database.writing() as session:
        (await session.get_one(type(dataset), dataset.id)).offset = [10.0, -20.0]
    fetched = await factories.feedback_label(
        database, area, origin=LabelOrigin.OSM, osm_id=9, osm_type="way", tags={"building": "yes"}, user_id=None
    )
    copied = await change("copyFeedbackAoi", "geom user { username } dataset { id }", viewer=owner, id=ids.encode(area))
    assert (copied["user"], copied["dataset"]) == ({"username": "other"}, {"id": ids.encode(dataset)})
    assert shape(copied["geom"]).equals(area.geom)
    async with database.reading() as session:
        drawn, mapped = (await session.scalars(select(Label).order_by(Label.osm_id.nulls_first()))).all()
    assert (drawn.origin, drawn.user_id) == (LabelOrigin.DRAWN, other.id)
    assert (mapped.origin, mapped.osm_id, mapped.osm_type, mapped.tags) == (LabelOrigin.OSM, 9, "way", fetched.tags)
    assert mapped.geom.equals(fetched.geom)
    # The dataset's offset is going to move its labels; what was drawn upon the imagery has to end there again.
    east, north = 10.0 / 111_319.49, -20.0 / 111_319.49 * 0.6947
    assert translate(drawn.geom, east, north).equals_exact(label.geom, 1e-7)
    assert (await shown(ask, ids.encode(area)))["aoi"] == {"id": copied["id"]}


async def test_a_correction_is_copied_once_and_by_who_may_add(
    change, refuse, database, owner, other, third, dataset, area, label
):
    id = ids.encode(area)
    assert (await refuse("copyFeedbackAoi", viewer=other, id=id))["code"] == "FORBIDDEN"
    async with database.writing() as session:
        (await session.get_one(type(dataset), dataset.id)).contributions = Contributions.OPEN
    answers = await asyncio.gather(*(change("copyFeedbackAoi", viewer=who, id=id) for who in (owner, other, third)))
    assert sorted(answer.get("code", "") for answer in answers) == ["", "CONFLICT", "CONFLICT"]
    async with database.reading() as session:
        assert len((await session.scalars(select(AOI))).all()) == 1


async def test_what_has_no_labels_is_not_copied(refuse, owner, area):
    assert (await refuse("copyFeedbackAoi", viewer=owner, id=ids.encode(area)))["code"] == "CONFLICT"


async def test_a_dataset_that_is_full_takes_no_correction(refuse, owner, area, label, monkeypatch):
    monkeypatch.setattr(settings, "labels_per_dataset_max", 0)
    assert (await refuse("copyFeedbackAoi", viewer=owner, id=ids.encode(area)))["code"] == "LIMIT_REACHED"
    monkeypatch.setattr(settings, "aois_per_dataset_max", 0)
    assert (await refuse("copyFeedbackAoi", viewer=owner, id=ids.encode(area)))["limit"] == 0


async def test_a_copy_that_was_deleted_may_be_made_again(ask, change, owner, area, label):
    first = await change("copyFeedbackAoi", viewer=owner, id=ids.encode(area))
    await change("deleteAoi", viewer=owner, id=first["id"])
    assert (await shown(ask, ids.encode(area)))["aoi"] is None
    second = await change("copyFeedbackAoi", viewer=owner, id=ids.encode(area))
    assert second["__typename"] == "AOI"
    await change("deleteFeedbackAoi", viewer=owner, id=ids.encode(area))
    assert (await ask("query ($id: ID!) { aoi(id: $id) { labels { totalCount } } }", id=second["id"]))["aoi"] == {
        "labels": {"totalCount": 1}
    }
