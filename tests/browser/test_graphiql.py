"""GraphiQL as a person meets it: in a real browser, before the real application.

`SCREENSHOT=app/web/graphiql/screenshot.png` makes the README's picture anew from the training watched here.
"""

import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Error, Page, async_playwright, expect

from app import events
from app.models.mapping.trainings import Training, TrainingStatus
from app.services.mapping.trainings.progress import topic_of
from resolvers import ids
from tests import factories
from tests.servers import serving

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1280, "height": 800}
SCREENSHOT = os.environ.get("SCREENSHOT")
IOU_BY_EPOCH = (0.312, 0.548, 0.667, 0.718, 0.731)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


class GraphiQL:
    """The page, what it complained about, and whom it asked."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"{request.url}: {request.failure}"))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.context.on("request", lambda request: self.asked.append(request.url))

    async def open(self) -> None:
        """Show the page, and wait until it has its editors and the schema."""
        await self.page.goto(f"{self.origin}/graphiql/")
        await self.page.wait_for_function("() => globalThis.__MONACO?.editor.getModels().length >= 4")
        await expect(self.page.locator(".graphiql-sidebar .graphiql-spin")).to_have_count(0)

    async def sign_in(self, token: str) -> None:
        """Write the token where the first tab's hint says."""
        await self._write("request-headers.json", json.dumps({"Authorization": f"Bearer {token}"}))

    async def replace(self, old: str, new: str) -> None:
        """Change the document in place."""
        text = await self._read("operation.graphql")
        assert old in text
        await self._write("operation.graphql", text.replace(old, new))

    async def run(self, operation: str) -> None:
        """Choose one of the document's operations from the button's menu."""
        button = self.page.locator("button.graphiql-execute-button")
        await expect(button).to_have_attribute("aria-label", re.compile("^Execute"))
        await button.click()
        await self.page.get_by_role("menuitem", name=operation, exact=True).click()

    async def answer(self, holds: str = "true") -> Any:
        """The first answer shown, as `shown`, of which this JavaScript is true."""
        handle = await self.page.wait_for_function(
            f"""() => {{
                const text = __MONACO.editor.getModels().find(m => m.uri.path.endsWith('response.json')).getValue()
                const shown = text && JSON.parse(text)
                return shown && ({holds}) ? shown : null
            }}"""
        )
        return await handle.json_value()

    async def event(self, holds: str) -> Any:
        """The first event of a training shown of which this is true."""
        shown = await self.answer(f"shown.data?.trainingUpdated.{holds}")
        assert "errors" not in shown
        return shown["data"]["trainingUpdated"]

    async def ended(self) -> None:
        """The running operation is over: the button that stops it starts one again."""
        await expect(self.page.locator("button.graphiql-execute-button")).to_have_attribute(
            "aria-label", re.compile("^Execute")
        )

    async def picture(self, path: str) -> None:
        """The end of the document beside its answer, in colours."""
        await self.page.get_by_role("button", name="Hide editor tools").click()
        await self.page.evaluate(
            """() => {
                __MONACO.editor.getEditors().forEach(each => each.setScrollTop(each.getScrollHeight()))
                document.activeElement.blur()
            }"""
        )
        await self.page.mouse.move(0, 0)
        await expect(self.page.locator(".monaco-editor .scrollbar.visible")).to_have_count(0)
        await expect(self.page.locator(".graphiql-response .mtk6").first).to_be_visible()
        await self.page.screenshot(path=path, animations="disabled")

    async def _read(self, name: str) -> str:
        return await self.page.evaluate(
            "name => __MONACO.editor.getModels().find(m => m.uri.path.endsWith(name)).getValue()", name
        )

    async def _write(self, name: str, text: str) -> None:
        await self.page.evaluate(
            "([name, text]) => __MONACO.editor.getModels().find(m => m.uri.path.endsWith(name)).setValue(text)",
            [name, text],
        )


@pytest.fixture
async def graphiql(database_url, redis_url) -> AsyncIterator[GraphiQL]:
    """The application's page in a browser that has never seen it."""
    from app.main import build  # noqa: PLC0415 - a machine without a browser need not wait for it

    with serving(build().app) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport=SIZE, color_scheme="light")
            page.set_default_timeout(30_000)
            graphiql = GraphiQL(page, server.url)
            await graphiql.open()
            yield graphiql
            await browser.close()


async def test_the_page_works_without_complaint_and_asks_nobody_else(graphiql):
    assert await graphiql.page.title() == "Fieldgraph · GraphiQL"
    assert graphiql.complaints == []
    assert {url for url in graphiql.asked if not url.startswith((graphiql.origin, "data:", "blob:"))} == set()


async def test_its_policy_keeps_the_page_from_reaching_anybody_else(graphiql):
    with pytest.raises(Error, match="Failed to fetch"):
        await graphiql.page.evaluate("() => fetch('https://elsewhere.fieldgraph.test/')")
    assert any("violates the following Content Security Policy" in said for said in graphiql.complaints)


async def test_the_first_tab_shows_data_to_whoever_is_signed_in(graphiql, database, owner):
    await factories.dataset(database, owner.id, name="Village")
    await graphiql.sign_in(owner.token)
    await graphiql.run("Datasets")
    data = (await graphiql.answer())["data"]
    assert data["me"] == {"username": "owner"}
    assert data["datasets"]["nodes"] == [{"name": "Village", "aois": {"nodes": []}}]
    assert graphiql.complaints == []


async def test_a_training_is_watched_live_until_it_ends(graphiql, database, owner):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    training = await factories.training(database, model, status=TrainingStatus.RUNNING, epochs=len(IOU_BY_EPOCH))

    async def record(**said: Any) -> None:
        async with database.writing() as session:
            events.record(session, topic_of(Training, training.id), said)

    await graphiql.sign_in(owner.token)
    await graphiql.replace("a training's id", ids.encode(training))
    await graphiql.run("WatchTraining")
    assert (await graphiql.event("status === 'RUNNING'"))["epoch"] is None
    for number, iou in enumerate(IOU_BY_EPOCH, 1):
        said = {
            "progress": number / len(IOU_BY_EPOCH),
            "message": f"Epoch {number} of {len(IOU_BY_EPOCH)}: validation IoU {iou:.1%}",
        }
        figures = {"loss": 0.4, "validation_loss": 0.5, "validation_iou": iou, "seconds": 9.1}
        await record(**said, stage="training", epoch={"number": number, **figures})
        shown = await graphiql.event(f"epoch?.number === {number}")
        assert shown == {**shown, **said, "status": None, "epoch": {"number": number, "validationIou": iou}}
        if SCREENSHOT and number == len(IOU_BY_EPOCH) - 1:
            await graphiql.picture(SCREENSHOT)
    await record(status="FINISHED")
    await graphiql.event("status === 'FINISHED'")
    await graphiql.ended()
    assert graphiql.complaints == []
