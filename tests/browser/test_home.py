"""The first page as somebody meets it who has never been here: words, ways in, the map, and what is learning now."""

import pytest
from playwright.async_api import expect
from shapely.geometry import Point

from app import events
from app.models.mapping.trainings import Training, TrainingStatus
from app.models.wildlife.projects import ResearchProjectStatus
from app.services.mapping.trainings import lifecycle
from app.services.mapping.trainings.progress import topic_of
from tests import factories
from tests.browser.test_graphiql import CHROMIUM
from tests.wildlife import factories as wildlife

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
PHONE = {"width": 390, "height": 844}
# What is newest lies above the rest: the prediction above its dataset's area.
PAINTED = """() => {
    const canvas = document.querySelector('#map')
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
    const colors = new Set()
    for (let at = 0; at < pixels.length; at += 4) colors.add(pixels.slice(at, at + 4).join())
    return ['--predictions', '--deployments'].every((name) => {
        const pen = document.createElement('canvas').getContext('2d')
        pen.fillStyle = getComputedStyle(canvas).getPropertyValue(name)
        pen.fillRect(0, 0, 1, 1)
        return colors.has(pen.getImageData(0, 0, 1, 1).data.join())
    })
}"""


def receives(page):
    """Waits until a page gets an event of a training: it asks for the curve once more with the first."""
    return page.expect_request(lambda request: "training(id: $id) { learningCurve" in (request.post_data or ""))


def epoch(number):
    iou = 0.5 + number / 10
    return {"number": number, "loss": 0.4, "validation_loss": 0.5, "validation_iou": iou, "seconds": 9.1}


@pytest.fixture
async def world(database, owner):
    """A dataset, a published prediction, a camera trap, and a training that runs."""
    dataset = await factories.dataset(database, owner.id)
    await factories.aoi(database, dataset)
    model = await factories.model(database, dataset)
    training = await factories.training(database, model, status=TrainingStatus.RUNNING, epochs=5)
    prediction = await factories.prediction(database, training, published=True)
    await factories.feature(database, prediction)
    project = await wildlife.project(database, owner.id, is_public=True, status=ResearchProjectStatus.APPROVED)
    place = await wildlife.location(database, project, is_public=True, point=Point(18, 48))
    await wildlife.deployment(database, place)
    async with database.writing() as session:
        await lifecycle.note_epoch(session, training.id, epoch(1))
    return training


async def test_a_stranger_sees_what_this_is_the_map_and_what_learns(page, picture, live, world, database):
    async with receives(page):
        await page.goto(live.url)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Train AI on data from the field")
    await expect(page.locator("#training")).to_contain_text("Roofs by owner is learning")
    await expect(page.get_by_role("img", name="Learning curve: 1 epoch, validation IoU 0.60")).to_be_visible()
    await page.wait_for_function(PAINTED)
    await expect(page.get_by_text("Nothing is on the map yet.")).to_be_hidden()
    async with database.writing() as session:
        said = {"progress": 0.4, "stage": "training", "epoch": epoch(2)}
        events.record(session, topic_of(Training, world.id), said)
    await expect(page.get_by_role("img", name="Learning curve: 2 epochs, validation IoU 0.70")).to_be_visible()
    await expect(page.locator("#training")).to_contain_text("is learning: training, 40 %")
    await picture("home")
    asked = set(live.asked)
    assert {path.split("/")[2] for path in asked if path.startswith("/tiles/")} == {
        "aois",
        "predictions",
        "deployments",
    }


async def test_the_map_is_moved_by_keys_buttons_and_wheel(page, live, world):
    await page.goto(live.url)
    await page.wait_for_function(PAINTED)
    before = len([path for path in live.asked if path.startswith("/tiles/")])
    await page.get_by_role("button", name="Zoom in").click()
    await page.locator("#map").press("ArrowLeft")
    await page.locator("#map").hover()
    await page.mouse.wheel(0, -400)
    async with page.expect_response("**/tiles/**"):
        await page.locator("#map").press("+")
    assert len([path for path in live.asked if path.startswith("/tiles/")]) > before


async def test_without_anything_it_says_so(page, live, database):
    await page.goto(live.url)
    await expect(page.get_by_text("Nothing is on the map yet.")).to_be_visible()
    await expect(page.locator("#training")).to_have_text("Nothing is learning at the moment.")


async def test_it_fits_on_a_phone(page, picture, live, world):
    await page.set_viewport_size(PHONE)
    await page.goto(live.url)
    await page.wait_for_function(PAINTED)
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    await picture("home-phone")


async def test_who_is_signed_in_is_told_and_can_sign_out(page, live, owner, ask):
    await page.goto(live.url)
    await page.evaluate("token => sessionStorage.setItem('fieldgraph:token', token)", owner.token)
    await page.reload()
    await expect(page.locator("#account")).to_contain_text("Signed in as owner")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    assert (await ask("{ me { username } }", viewer=owner)).codes == ["UNAUTHENTICATED"]
    # What was under way is refused, and the browser notes that by itself.
    page.complaints[:] = [line for line in page.complaints if "401" not in line]


async def test_a_token_that_has_ended_is_dropped(page, live):
    await page.goto(live.url)
    await page.evaluate("() => sessionStorage.setItem('fieldgraph:token', 'fg_over')")
    async with page.expect_response("**/graphql"):
        await page.reload()
    await page.wait_for_function("() => sessionStorage.length === 0")
    await expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    # The browser notes the refused request by itself.
    page.complaints[:] = [line for line in page.complaints if "401" not in line]
