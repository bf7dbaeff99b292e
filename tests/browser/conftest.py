"""A browser that has never been here, and pictures of what it shows, for people."""

import os
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.browser.test_graphiql import CHROMIUM, FLAGS, SIZE

WAIT_MS_MAX = 30_000
# Where to keep a picture of each page.
PICTURES = os.environ.get("PICTURES")


@pytest.fixture(scope="session")
async def browser():
    """Started once: each page is in a context of its own, with nothing stored, and takes it along when it closes."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(live, browser):
    """A page of a browser that has never been here. What it complains about fails the test."""
    expect.set_options(timeout=WAIT_MS_MAX)
    page = await browser.new_page(viewport=SIZE)
    page.set_default_timeout(WAIT_MS_MAX)
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda line: page.complaints.append(line.text) if line.type == "error" else None)
    yield page
    await page.close()
    assert page.complaints == []


@pytest.fixture
def picture(page):
    async def picture(name):
        if PICTURES:
            await page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)

    return picture
