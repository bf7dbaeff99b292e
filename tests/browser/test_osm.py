"""Signing in with OpenStreetMap as a person meets it: in a real browser, there and back again."""

import json

import pytest
from playwright.async_api import expect
from sqlalchemy import select

from app.gateways import fakes
from app.models.accounts import OsmAccount
from app.settings import settings
from tests.browser.test_graphiql import CHROMIUM
from tests.fixtures import Person
from tests.servers import serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(autouse=True)
async def stand_in(page, live, monkeypatch):
    """A stand-in is OpenStreetMap, and the page is open."""
    with serving(fakes.app) as osm:
        monkeypatch.setattr(settings, "osm_url", f"{osm.url}/openstreetmap")
        monkeypatch.setattr(settings, "osm_client_id", "ours")
        monkeypatch.setattr(settings, "outside_hosts_allowed", [osm.host])
        monkeypatch.setattr(settings, "public_url", live.url)
        await page.goto(f"{live.url}/osm/")
        yield


async def test_somebody_says_yes_and_is_given_what_lets_them_in(page, live, ask, database):
    await page.get_by_role("button", name="Sign in with OpenStreetMap").click()
    await page.get_by_role("link", name="Ünal").click()
    await expect(page.get_by_role("status")).to_have_text("You are signed in as Ünal.")
    assert page.url == f"{live.url}/osm/"
    headers = json.loads(await page.get_by_label("Headers").input_value())
    person = Person(None, headers["Authorization"].removeprefix("Bearer "))
    assert (await ask("{ me { osmAccount { osmId } } }", viewer=person))["me"] == {"osmAccount": {"osmId": 1002}}
    # This tab keeps the token, until it is closed.
    assert await page.evaluate("() => [Object.keys(sessionStorage), localStorage.length]") == [["fieldgraph:token"], 0]


async def test_somebody_says_no_and_may_begin_again(page, database):
    await page.get_by_role("button", name="Sign in with OpenStreetMap").click()
    await page.get_by_role("link", name="No", exact=True).click()
    await expect(page.get_by_role("status")).to_have_text("OpenStreetMap did not let you in.")
    await expect(page.get_by_role("button", name="Sign in with OpenStreetMap")).to_be_visible()
    async with database.reading() as session:
        assert (await session.scalars(select(OsmAccount))).all() == []


async def test_who_is_led_there_with_anothers_code_is_not_signed_in(page, live, database):
    await page.goto(f"{live.url}/osm/?code=theirs&state=theirs")
    await expect(page.get_by_role("status")).to_have_text("This was not started here. Start again.")
    assert page.url == f"{live.url}/osm/"
