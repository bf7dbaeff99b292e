"""GraphiQL as a person meets it: in a real browser, before the real application.

`SCREENSHOT=app/web/graphiql/screenshot.png` makes the README's picture anew from the training watched here, and
`PICTURES=folder` keeps pictures of the page on a desktop and a phone, in the colours of `SCHEME` (`light`, `dark`).
"""

import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Error, Page, Request, expect

from app import events
from app.models.mapping.trainings import Training, TrainingStatus
from app.security import credentials
from app.services.mapping.trainings.progress import topic_of
from resolvers import ids
from tests import factories
from tests.fixtures import Person
from tests.servers import Server

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
PHONE = {"width": 390, "height": 844}
SCREENSHOT = os.environ.get("SCREENSHOT")
PICTURES = os.environ.get("PICTURES")
SCHEME: Any = os.environ.get("SCHEME", "light")
HINT = '// {"Authorization": "Bearer <token>"}\n'
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
        page.on("requestfailed", self._failed)
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.context.on("request", lambda request: self.asked.append(request.url))

    def _failed(self, request: Request) -> None:
        # Whoever opens the page anew leaves what the old one was still loading.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    async def open(self) -> None:
        """Show the page, anew if it is shown, and wait until it has its editors and the schema."""
        await self.page.goto(f"{self.origin}/graphiql/")
        await self.page.wait_for_function("() => globalThis.__MONACO?.editor.getModels().length >= 4")
        await expect(self.page.locator(".graphiql-sidebar .graphiql-spin")).to_have_count(0)

    async def sign_in(self, email: str, password: str = factories.PASSWORD) -> None:
        """Fill in the form behind the header's button, and send it."""
        await self.page.get_by_role("button", name="Sign in", exact=True).click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_label("E-mail address").fill(email)
        await dialog.get_by_label("Password").fill(password)
        await dialog.get_by_role("button", name="Sign in").click()

    async def show_examples(self) -> None:
        """Open the list in the sidebar."""
        await self.page.get_by_role("button", name="Show Examples").click()

    async def example(self, title: str) -> None:
        """Choose one from the list."""
        await self.page.get_by_role("region", name="Examples").get_by_role("button", name=title, exact=True).click()

    async def run(self) -> None:
        """Press the button beside the document."""
        button = self.page.locator("button.graphiql-execute-button")
        await expect(button).to_have_attribute("aria-label", re.compile("^Execute"))
        await button.click()

    async def headers(self, holds: str) -> str:
        """What stands in the Headers editor as soon as this JavaScript is true of it, as `text`."""
        return await self._text("request-headers.json", holds)

    async def variables(self, holds: str) -> str:
        """What stands in the Variables editor as soon as this JavaScript is true of it, as `text`."""
        return await self._text("variables.json", holds)

    async def write_headers(self, text: str) -> None:
        """Write headers by hand."""
        await self.page.evaluate(
            """text => {
                const model = __MONACO.editor.getModels().find(m => m.uri.path.endsWith('request-headers.json'))
                model.pushEditOperations([], [{range: model.getFullModelRange(), text}], () => null)
            }""",
            text,
        )

    async def stored(self, key: str, holds: str) -> str:
        """Everything the browser keeps beyond this tab, once this JavaScript is true of the key's `text`."""
        await self.page.wait_for_function(
            f"key => {{ const text = localStorage.getItem(key); return text !== null && ({holds}) }}", arg=key
        )
        return await self.page.evaluate("() => JSON.stringify(localStorage)")

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
        """The page as it is, in colours, without a caret."""
        await self.page.evaluate("() => document.activeElement.blur()")
        await self.page.mouse.move(0, 0)
        await expect(self.page.locator(".monaco-editor .scrollbar.visible")).to_have_count(0)
        await expect(self.page.locator(".graphiql-response .mtk6").first).to_be_visible()
        await self.page.screenshot(path=path, animations="disabled")

    async def keep(self, name: str) -> None:
        """A picture for people, if they want it."""
        if PICTURES:
            await self.page.screenshot(path=str(Path(PICTURES) / f"{name}-{SCHEME}.png"), animations="disabled")

    async def _text(self, name: str, holds: str) -> str:
        handle = await self.page.wait_for_function(
            f"""name => {{
                const text = __MONACO.editor.getModels().find(m => m.uri.path.endsWith(name)).getValue()
                return ({holds}) && {{ text }}
            }}""",
            arg=name,
        )
        return (await handle.json_value())["text"]


@pytest.fixture
async def graphiql(live: Server, browser: Browser) -> AsyncIterator[GraphiQL]:
    """The application's page in a browser that has never seen it."""
    page = await browser.new_page(viewport=SIZE, color_scheme=SCHEME)
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    graphiql = GraphiQL(page, live.url)
    await graphiql.open()
    yield graphiql
    await page.close()


@pytest.fixture
async def owner(database) -> Person:
    """Somebody who can sign in with a password."""
    password_hash = await credentials.hash_password(factories.PASSWORD)
    signed_in = await factories.user(database, "owner", password_hash=password_hash)
    return Person(signed_in.user, signed_in.token)


async def test_the_page_works_without_complaint_and_asks_nobody_else(graphiql):
    assert await graphiql.page.title() == "Fieldgraph · GraphiQL"
    assert graphiql.complaints == []
    assert {url for url in graphiql.asked if not url.startswith((graphiql.origin, "data:", "blob:"))} == set()


async def test_its_policy_keeps_the_page_from_reaching_anybody_else(graphiql):
    with pytest.raises(Error, match="Failed to fetch"):
        await graphiql.page.evaluate("() => fetch('https://elsewhere.fieldgraph.test/')")
    assert any("violates the following Content Security Policy" in said for said in graphiql.complaints)


async def test_a_stranger_sees_query_and_answer_on_the_first_screen(graphiql, database, owner):
    await factories.dataset(database, owner.id, name="Village")
    await graphiql.run()
    shown = await graphiql.answer()
    assert shown["data"] == {"me": None, "datasets": {"nodes": [{"name": "Village"}]}, "trainings": {"nodes": []}}
    lines = graphiql.page.locator(".graphiql-query-editor .view-line, .graphiql-response .view-line")
    for text in ("accuracy", "Village"):
        await expect(lines.filter(has_text=text)).to_be_in_viewport()
    await graphiql.keep("desktop")
    assert graphiql.complaints == []


async def test_somebody_signs_in_and_out_by_the_button(graphiql, owner, ask):
    await graphiql.sign_in(owner.user.email, "wrong horse battery")
    await expect(graphiql.page.get_by_role("dialog").get_by_role("status")).not_to_be_empty()
    assert await graphiql.page.evaluate("() => sessionStorage.length") == 0
    await graphiql.keep("sign-in-refused")
    dialog = graphiql.page.get_by_role("dialog")
    for name in ("Sign in with OpenStreetMap", "Sign up"):
        await expect(dialog.get_by_role("link", name=name)).to_be_visible()
    await dialog.get_by_label("Password").fill(factories.PASSWORD)
    await dialog.get_by_role("button", name="Sign in").click()
    button = graphiql.page.get_by_role("button", name="owner", exact=True)
    await expect(button).to_be_visible()
    token = await graphiql.page.evaluate("() => sessionStorage.getItem('fieldgraph:token')")
    headers = json.dumps({"Authorization": f"Bearer {token}"}, indent=2)
    assert await graphiql.headers("text.includes('Bearer ')") == headers
    await graphiql.run()
    assert (await graphiql.answer())["data"]["me"] == {"username": "owner"}
    await graphiql.page.get_by_role("button", name="New tab").click()
    assert await graphiql.headers("!text.includes('<token>')") == headers
    await graphiql.open()
    await expect(button).to_be_visible()
    assert await graphiql.headers("!text.includes('<token>')") == headers
    await button.click()
    await graphiql.page.get_by_role("button", name="Sign out").click()
    await expect(graphiql.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert await graphiql.headers("text.includes('<token>')") == HINT
    assert await graphiql.page.evaluate("() => sessionStorage.length") == 0
    assert (await ask("{ me { username } }", viewer=Person(owner.user, token))).codes == ["UNAUTHENTICATED"]
    assert graphiql.complaints == []


@pytest.mark.parametrize("kept", ["false", "true"])
async def test_the_token_of_the_button_is_never_stored_beyond_the_tab(graphiql, owner, kept):
    """Not even where headers that are written by hand are kept."""
    await graphiql.page.evaluate("kept => localStorage.setItem('graphiql:shouldPersistHeaders', kept)", kept)
    await graphiql.page.evaluate("token => sessionStorage.setItem('fieldgraph:token', token)", owner.token)
    await graphiql.open()
    await graphiql.headers(f"text.includes('{owner.token}')")
    await graphiql.run()
    await graphiql.answer("shown.data.me.username === 'owner'")
    await graphiql.page.get_by_role("button", name="New tab").click()
    assert owner.token not in await graphiql.stored("graphiql:tabState", "JSON.parse(text).tabs.length === 2")
    assert owner.token not in await graphiql.stored("graphiql:queries", "text.includes('Welcome')")


async def test_headers_that_are_written_by_hand_are_left_alone(graphiql, owner, other):
    by_hand = json.dumps({"Authorization": f"Bearer {other.token}"})
    await graphiql.write_headers(by_hand)
    await graphiql.sign_in(owner.user.email)
    await expect(graphiql.page.get_by_role("button", name="owner", exact=True)).to_be_visible()
    await graphiql.run()
    assert (await graphiql.answer())["data"]["me"] == {"username": "other"}
    assert await graphiql.headers("true") == by_hand


async def test_a_token_that_is_over_is_forgotten(graphiql):
    await graphiql.page.evaluate("() => sessionStorage.setItem('fieldgraph:token', 'over')")
    await graphiql.open()
    await graphiql.page.wait_for_function("() => sessionStorage.length === 0")
    await expect(graphiql.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert await graphiql.headers("text") == HINT


async def test_an_example_says_what_is_missing_for_its_variables(graphiql, owner):
    await graphiql.example("Watch the newest training")
    missing = "There is no training yet."
    await expect(graphiql.page.get_by_role("region", name="Examples").get_by_role("status")).to_contain_text(missing)
    assert missing in await graphiql.variables("text.includes('trainingId')")
    await graphiql.example("Figures of this installation")
    assert await graphiql.variables("!text.includes('trainingId')") == ""
    await expect(graphiql.page.get_by_role("region", name="Examples").get_by_role("status")).to_have_count(0)
    await graphiql.run()
    await graphiql.answer("shown.data.statistics.modelsPublished === 0")
    assert graphiql.complaints == []


async def test_a_training_is_watched_live_until_it_ends(graphiql, database, owner):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    training = await factories.training(database, model, status=TrainingStatus.RUNNING, epochs=len(IOU_BY_EPOCH))

    async def record(**said: Any) -> None:
        async with database.writing() as session:
            events.record(session, topic_of(Training, training.id), said)

    await graphiql.sign_in(owner.user.email)
    await expect(graphiql.page.get_by_role("button", name="owner", exact=True)).to_be_visible()
    await graphiql.example("Watch the newest training")
    await graphiql.variables(f"text.includes('{ids.encode(training)}')")
    await graphiql.run()
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


async def test_the_page_is_usable_on_a_phone(graphiql, database, owner):
    await factories.dataset(database, owner.id, name="Village")
    page = graphiql.page
    await page.set_viewport_size(PHONE)
    await page.evaluate("() => localStorage.clear()")
    await graphiql.open()
    await graphiql.keep("phone-first")
    await graphiql.run()
    await graphiql.answer("shown.data.datasets.nodes.length === 1")
    lines = page.locator(".graphiql-query-editor .view-line, .graphiql-response .view-line")
    for text in ("accuracy", "Village"):
        await expect(lines.filter(has_text=text)).to_be_in_viewport()
    await graphiql.keep("phone")
    await graphiql.show_examples()
    await fits(page)
    await graphiql.keep("phone-examples")
    await graphiql.example("Newest datasets and their areas")
    await expect(page.get_by_role("region", name="Examples")).to_have_count(0)
    await expect(page.locator(".graphiql-query-editor .view-line").filter(has_text="totalCount").first).to_be_visible()
    await graphiql.run()
    await graphiql.answer("shown.data.datasets.totalCount === 1")
    await page.get_by_role("button", name="Show editor tools").click()
    await expect(page.locator(".graphiql-editor-tool")).to_be_in_viewport(ratio=1)
    await fits(page)
    await graphiql.sign_in(owner.user.email, "wrong horse battery")
    await expect(page.get_by_role("dialog").get_by_role("status")).not_to_be_empty()
    await expect(page.get_by_role("dialog")).to_be_in_viewport(ratio=1)
    await graphiql.keep("phone-sign-in")
    await fits(page)
    assert graphiql.complaints == []


async def fits(page: Page) -> None:
    """Nothing lies beside the screen, and nothing can be scrolled there."""
    wide = await page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1] == PHONE["width"]
    for name in ("button.graphiql-execute-button", ".graphiql-query-editor", ".graphiql-response", ".account-button"):
        box = await page.locator(name).bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert box["y"] + box["height"] <= PHONE["height"]
