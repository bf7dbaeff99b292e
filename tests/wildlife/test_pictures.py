"""Pictures of media behind links: annotated for members, blurred or withheld for others; and charts."""

from datetime import UTC, datetime
from io import BytesIO
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from app.gateways import storage
from app.models.wildlife.classification_projects import ClassificationProject, Exposure
from app.models.wildlife.deployments import Location
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.observations import ObservationLevel, ObservationType
from app.models.wildlife.projects import ResearchProject, ResearchProjectStatus
from app.policies import Viewer
from app.services.wildlife.classifications.approvals import approving
from app.services.wildlife.pictures import charts, media
from tests.wildlife import classifying
from tests.wildlife.classifying import HUMAN, Season, seen

STRANGER = Viewer()
BOX = [0.25, 0.5, 0.25, 0.25]


def stripes() -> bytes:
    pixels = np.zeros((200, 400, 3), np.uint8)
    for column in range(4):
        pixels[:, column::8] = 255
    file = BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=95)
    return file.getvalue()


@pytest.fixture
async def at(database, owner) -> Season:
    """Three media of an open project that shares its media, each with a striped preview."""
    at = await classifying.season(database, owner.id)
    async with database.writing() as session:
        research = await session.get_one(ResearchProject, at.research.id)
        research.is_public, research.shares_media, research.status = True, True, ResearchProjectStatus.APPROVED
        (await session.get_one(Location, at.deployment.location_id)).is_public = True
        for resource in at.resources:
            key = f"media/{resource.id}.preview.webp"
            await storage.put(key, stripes())
            (await session.get_one(Resource, resource.id)).preview_key = key
    return at


@pytest.fixture
def approve(database, owner, at):
    """A person says what a medium shows, and it is approved."""

    async def approve(number: int, *observations, **said) -> None:
        mine = await classifying.by_person(database, at, number, owner.id, *observations, **said)
        final = await classifying.final(database, at, number)
        async with database.writing() as session:
            await approving.approve_classification(session, Viewer(owner.id), mine.id, expected_version=final.version)

    return approve


@pytest.fixture
def link(database, at):
    """The link that a viewer is given to a medium; None if it is withheld."""

    async def link(viewer: Viewer, number: int = 0, *, shared: bool = False) -> str | None:
        async with database.reading() as session:
            resource = await session.get_one(Resource, at.resources[number].id)
            if shared:
                return await media.shared_link(session, viewer, resource, 400)
            return await media.annotated_link(session, viewer, resource, None)

    return link


@pytest.fixture
def fetch(api):
    async def fetch(link: str):
        return await api.get(urlsplit(link).path)

    return fetch


def pixels(response) -> np.ndarray:
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "private, no-cache"
    with Image.open(BytesIO(response.content)) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def inside(picture: np.ndarray) -> np.ndarray:
    """The middle of the box, away from its drawn edge."""
    return picture[110:140, 110:190]


async def set_rules(database, at: Season, **rules: Exposure) -> None:
    async with database.writing() as session:
        await session.execute(
            update(ClassificationProject).where(ClassificationProject.id == at.project.id).values(rules)
        )


async def test_members_see_boxes_and_people(fetch, link, owner, approve):
    await approve(0, seen(kind=HUMAN, bboxes=BOX))
    picture = pixels(await fetch(await link(Viewer(owner.id))))
    assert inside(picture).std() > 80
    red = np.abs(picture - np.array((235, 64, 82))).max(-1) < 60
    assert red[100:102, 120:180].mean() > 0.5


async def test_people_are_blurred_before_a_picture_leaves_the_project(fetch, link, other, approve):
    await approve(0, seen(kind=HUMAN, bboxes=BOX), seen(bboxes=[0.7, 0.1, 0.2, 0.2]))
    for viewer in (STRANGER, Viewer(other.user.id)):
        for shared in (False, True):
            picture = pixels(await fetch(await link(viewer, shared=shared)))
            assert inside(picture).std() < 15
            assert picture[150:190, 240:380].std() > 80


async def test_without_a_box_the_whole_picture_is_blurred(fetch, link, database, at, approve):
    group = seen(kind=HUMAN, observation_level=ObservationLevel.GROUP, bboxes=None, count=3)
    await approve(0, group, seen(kind=HUMAN, bboxes=BOX))
    assert pixels(await fetch(await link(STRANGER, shared=True))).std() < 20
    await approve(1, seen(kind=HUMAN, bboxes=BOX))
    async with database.writing() as session:
        (await session.get_one(Resource, at.resources[1].id)).resource_type = ResourceType.VIDEO
    assert pixels(await fetch(await link(STRANGER, 1, shared=True))).std() < 20, "people in videos move"


async def test_a_box_that_only_ai_saw_is_blurred_too(fetch, link, database, at, approve):
    await classifying.by_ai(database, at, 0, seen(kind=HUMAN, bboxes=BOX, classification_confidence=0.3))
    await approve(0, seen(at.fox, bboxes=[0.7, 0.1, 0.2, 0.2]))
    assert inside(pixels(await fetch(await link(STRANGER, shared=True)))).std() < 15


async def test_what_nobody_approved_is_withheld(link, database, at, owner):
    await classifying.by_ai(database, at, 0, seen(at.fox))
    await classifying.by_person(database, at, 1, owner.id, seen(at.fox))
    for number in range(3):
        for shared in (False, True):
            assert await link(STRANGER, number, shared=shared) is None
            assert await link(Viewer(owner.id), number, shared=shared) is not None


@pytest.mark.parametrize(
    ("kind", "rules", "is_shown"),
    [
        (HUMAN, {"humans": Exposure.WITHHELD}, False),
        (HUMAN, {"vehicles": Exposure.WITHHELD}, True),
        (ObservationType.VEHICLE, {"vehicles": Exposure.WITHHELD}, False),
        (ObservationType.ANIMAL, {"humans": Exposure.WITHHELD, "vehicles": Exposure.WITHHELD}, True),
    ],
)
async def test_rules_withhold_what_they_name(link, database, at, approve, kind, rules, is_shown):
    await approve(0, seen(kind=kind, bboxes=BOX))
    await set_rules(database, at, **rules)
    assert (await link(STRANGER) is not None) == is_shown


async def test_a_project_may_show_people(fetch, link, database, at, approve):
    await approve(0, seen(kind=HUMAN, bboxes=BOX))
    await set_rules(database, at, humans=Exposure.SHOWN)
    assert inside(pixels(await fetch(await link(STRANGER, shared=True)))).std() > 80


async def test_the_strictest_of_several_projects_decides(link, database, at, approve):
    await approve(0, seen(kind=HUMAN, bboxes=BOX))
    await set_rules(database, at, humans=Exposure.SHOWN)
    stricter = await classifying.classification_project(
        database, at.research, name="Stricter", humans=Exposure.WITHHELD
    )
    await classifying.linked(database, stricter, at.collection)
    assert await link(STRANGER) is None


async def test_a_link_asks_again_when_it_is_used(fetch, link, database, at, approve):
    await approve(0, seen(at.fox, bboxes=BOX))
    given = await link(STRANGER, shared=True)
    assert (await fetch(given)).status_code == 200
    await set_rules(database, at, humans=Exposure.WITHHELD)
    async with database.writing() as session:
        (await session.get_one(Resource, at.resources[0].id)).contains_people = True
    assert (await fetch(given)).status_code == 410, "the rule holds for links given before"
    await set_rules(database, at, humans=Exposure.SHOWN)
    assert (await fetch(given)).status_code == 200
    async with database.writing() as session:
        (await session.get_one(ResearchProject, at.research.id)).shares_media = False
    assert (await fetch(given)).status_code == 410


async def test_a_link_that_was_not_signed_here_is_refused(fetch):
    assert (await fetch("/pictures/forged")).status_code == 403


async def test_charts_are_pictures_and_numbers(fetch, database, owner, other, at, approve):
    async with database.writing() as session:
        await session.execute(update(Resource).values(recorded_at=datetime(2026, 5, 1, 10, 22, tzinfo=UTC)))
    await approve(0, seen(at.fox))
    async with database.reading() as session:
        chart = await charts.activity_chart(session, Viewer(owner.id), at.deployment, None)
        assert await charts.activity_chart(session, Viewer(other.user.id), at.deployment, None) is None
    assert [hour for hour, count in enumerate(chart.local) if count] == [12]
    of_owner = [link(Viewer(owner.id), at.project) for link in (charts.overview_link, charts.map_link)]
    for url in (chart.link, *of_owner):
        answer = await fetch(url)
        assert answer.headers["content-type"] == "image/png"
        assert pixels(answer).shape[1] > 500
    for link in (charts.overview_link, charts.map_link):
        assert (await fetch(link(Viewer(other.user.id), at.project))).status_code == 410
