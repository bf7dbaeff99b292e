"""What people would rather see than read: a prediction, a picture of a camera trap, the curve of a training."""

from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import expect
from shapely.affinity import translate
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from app import events
from app.gateways import storage
from app.models.mapping.predictions import PredictedFeature, Verdict
from app.models.mapping.trainings import Training, TrainingStatus
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ObservationType
from app.services.mapping.trainings import lifecycle
from app.services.mapping.trainings.progress import topic_of
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.browser.test_graphiql import CHROMIUM
from tests.browser.test_home import PHONE, epoch, receives
from tests.servers import serving
from tests.wildlife import classifying
from tests.wildlife.test_pictures import stripes

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


async def ground(_request):
    file = BytesIO()
    Image.new("RGB", (256, 256), "#6b7f5a").save(file, "PNG")
    return Response(file.getvalue(), media_type="image/png")


@pytest.fixture
def imagery():
    """A server of imagery on another address."""
    with serving(Starlette(routes=[Route("/{z}/{x}/{y}.png", ground)])) as server:
        yield server


@pytest.fixture
async def page(imagery, page):
    """Closed before its imagery is."""
    return page


@pytest.fixture
async def look(page, live, monkeypatch):
    """Opens the view of a row for a person, or for a stranger."""
    monkeypatch.setattr(settings, "public_url", live.url)

    async def look(row, person=None):
        await page.goto(f"{live.url}/account/")
        if person:
            await page.evaluate("token => sessionStorage.setItem('fieldgraph:token', token)", person.token)
        await page.goto(f"{live.url}/look/{ids.encode(row)}")

    return look


@pytest.fixture
async def prediction(database, owner, imagery):
    """Of three houses, nobody has looked at yet."""
    template = f"{imagery.url}/{{z}}/{{x}}/{{y}}.png"
    dataset = await factories.dataset(database, owner.id, source_imagery=template)
    model = await factories.model(database, dataset)
    training = await factories.training(database, model, source_imagery=template, status=TrainingStatus.FINISHED)
    made = await factories.prediction(
        database, training, status=TrainingStatus.FINISHED, published=True, result_count=3, description="North"
    )
    for number in range(3):
        await factories.feature(database, made, geom=translate(factories.HOUSE, xoff=number * 0.0002))
    return made


async def verdicts(database):
    async with database.reading() as session:
        return list(await session.scalars(select(PredictedFeature.verdict).order_by(PredictedFeature.id)))


async def test_a_prediction_is_judged_by_keyboard(page, picture, look, prediction, imagery, owner, database):
    async with page.expect_request(f"{imagery.url}/**"):
        await look(prediction, owner)
    await expect(page.get_by_role("heading", level=1)).to_have_text("North")
    await expect(page.get_by_role("status")).to_have_text("Finished: 3 features; 0 accepted, 0 rejected.")
    await expect(page.get_by_role("navigation")).to_contain_text("Signed in as owner")
    await page.keyboard.press("j")
    await expect(page.get_by_text("1 of 3")).to_be_visible()
    await page.keyboard.press("a")
    await expect(page.get_by_role("status")).to_have_text("Finished: 3 features; 1 accepted, 0 rejected.")
    await page.keyboard.press("j")
    await page.keyboard.press("r")
    await expect(page.get_by_role("status")).to_have_text("Finished: 3 features; 1 accepted, 1 rejected.")
    assert await verdicts(database) == [Verdict.ACCEPTED, Verdict.REJECTED, None]
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("status")).to_have_text("Finished: 3 features; 1 accepted, 0 rejected.")
    await page.keyboard.press("k")
    await expect(page.get_by_text("1 of 3")).to_be_visible()
    assert await verdicts(database) == [Verdict.ACCEPTED, None, None]
    await picture("look-prediction")


async def test_who_may_not_judge_is_told_and_nothing_changes(page, look, prediction, other, database):
    await look(prediction, other)
    await expect(page.get_by_role("status")).to_have_text("Finished: 3 features; 0 accepted, 0 rejected.")
    await page.keyboard.press("j")
    await page.keyboard.press("a")
    await expect(page.get_by_role("status")).not_to_have_text("Finished: 3 features; 0 accepted, 0 rejected.")
    await expect(page.get_by_text("open", exact=True)).to_be_visible()
    assert await verdicts(database) == [None] * 3


async def test_a_picture_is_shown_with_boxes_and_labels(page, picture, look, database, owner):
    at = await classifying.season(database, owner.id)
    medium = at.resources[0]
    key = f"media/{medium.id}.preview.webp"
    await storage.put(key, stripes())
    async with database.writing() as session:
        (await session.get_one(Resource, medium.id)).preview_key = key
    fox = classifying.seen(at.fox)
    said = await classifying.by_person(database, at, 0, owner.id, fox)
    for row in (medium, said):
        await look(row, owner)
        await expect(page.get_by_role("img", name=medium.name)).to_be_visible()
        await expect(page.locator("svg rect")).to_have_count(1)
        await expect(page.get_by_role("status")).to_contain_text("1 observation")
    await picture("look-picture")
    box = await page.locator("svg rect").bounding_box()
    shown = await page.get_by_role("img", name=medium.name).bounding_box()
    assert box["x"] - shown["x"] == pytest.approx(classifying.BOX[0] * shown["width"], abs=2)
    assert box["height"] == pytest.approx(classifying.BOX[3] * shown["height"], abs=3)


async def test_a_training_is_seen_to_learn_to_its_end(page, picture, look, database, owner):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    training = await factories.training(database, model, status=TrainingStatus.RUNNING, epochs=3)
    async with database.writing() as session:
        await lifecycle.note_epoch(session, training.id, epoch(1))
    async with receives(page):
        await look(training)
    await expect(page.get_by_role("img", name="Learning curve: 1 epoch, validation IoU 0.60")).to_be_visible()
    async with database.writing() as session:
        await lifecycle.note_epoch(session, training.id, epoch(2))
        events.record(session, topic_of(Training, training.id), {"progress": 0.5, "epoch": epoch(2)})
    await expect(page.get_by_role("img", name="Learning curve: 2 epochs, validation IoU 0.70")).to_be_visible()
    await expect(page.get_by_role("status")).to_contain_text("50 %")
    async with database.writing() as session:
        curve = {"best_epoch": 2, "epochs": [epoch(1), epoch(2)]}
        await lifecycle.finish_training(session, training.id, factories.FIGURES, [], curve)
    await expect(page.get_by_role("status")).to_have_text("Finished")
    await picture("look-training")


async def test_what_is_not_there_or_private_looks_the_same_to_a_stranger(page, look, database, owner):
    at = await classifying.season(database, owner.id)
    await look(at.resources[0])
    words = "There is nothing to look at, or you must sign in to see it."
    await expect(page.get_by_role("status")).to_have_text(words)
    await page.goto(page.url.rsplit("/", 1)[0] + "/nothing")
    await expect(page.get_by_role("status")).to_contain_text("nothing")


async def test_what_has_no_view_is_named(page, look, database, owner):
    await look(await factories.dataset(database, owner.id))
    await expect(page.get_by_role("status")).to_have_text("A Dataset has no view here. Query it in GraphiQL.")


async def test_it_fits_on_a_phone(page, picture, look, prediction, owner):
    await page.set_viewport_size(PHONE)
    await look(prediction, owner)
    await expect(page.get_by_role("status")).to_contain_text("3 features")
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    await picture("look-phone")


async def test_what_is_seen_of_a_video_is_its_first_picture_for_who_may_not_have_the_file(page, look, database, owner):
    at = await classifying.season(database, owner.id)
    await classifying.by_person(database, at, 1, owner.id, classifying.seen(kind=ObservationType.BLANK))
    await look(at.resources[1], owner)
    await expect(page.get_by_text("There is no picture that you may see.")).to_be_visible()
