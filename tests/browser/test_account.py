"""Signing up and in as a newcomer meets it: pages, and links that are bad, used or too old."""

import pytest
from itsdangerous import TimestampSigner
from playwright.async_api import expect

from app.security import credentials
from app.services.accounts.email.tokens import Purpose, token_of
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.browser.test_graphiql import CHROMIUM

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
NAME = "newcomer@fieldgraph.test"
PURPOSES = {
    "sign-up": Purpose.SIGN_UP,
    "reset-password": Purpose.PASSWORD_RESET,
    "verify-email": Purpose.EMAIL_VERIFICATION,
}


async def says(page, text):
    await expect(page.get_by_role("status")).to_have_text(text)


async def test_a_newcomer_begins_where_they_look_for_it(page, picture, live):
    await page.goto(f"{live.url}/account/")
    await picture("account")
    await page.get_by_role("link", name="Sign up", exact=True).click()
    await expect(page.get_by_role("heading")).to_have_text("Sign up")
    await picture("sign-up")
    await page.get_by_label("E-mail address").fill(NAME)
    await page.get_by_role("button", name="Send the email").click()
    await says(page, "An email is on its way. Open the link in it.")
    await picture("sign-up-sent")


async def test_a_mails_link_makes_an_account_once(page, picture, live):
    link = f"{live.url}/account/sign-up#token={token_of(Purpose.SIGN_UP, NAME)}"
    await page.goto(link)
    await page.get_by_label("Username").fill("newcomer")
    await page.get_by_label("New password").fill("correct horse battery")
    await picture("finish-sign-up")
    await page.get_by_role("button", name="Sign up").click()
    await says(page, "You are signed in as newcomer.")
    assert "Bearer " in await page.get_by_label("Headers").input_value()
    await picture("signed-up")
    await page.goto("about:blank")
    await page.goto(link)
    await page.get_by_label("Username").fill("another")
    await page.get_by_label("New password").fill("correct horse battery")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_role("status")).not_to_be_empty()
    await expect(page.get_by_role("button", name="Sign up")).to_be_enabled()
    await picture("used-link")
    await page.get_by_role("link", name="Request another email").click()
    await expect(page.get_by_role("heading")).to_have_text("Sign up")


@pytest.mark.parametrize("name", PURPOSES)
@pytest.mark.parametrize("kind", ["bad", "expired"])
async def test_a_link_that_does_not_hold_says_so(page, picture, live, monkeypatch, owner, name, kind):
    token = "no-such-token"
    if kind == "expired":
        with monkeypatch.context() as long_ago:
            long_ago.setattr(TimestampSigner, "get_timestamp", lambda _: 1_000_000_000)
            purpose = PURPOSES[name]
            of = () if purpose is Purpose.SIGN_UP else (owner.user,)
            token = token_of(purpose, NAME if purpose is Purpose.SIGN_UP else owner.user.email, *of)
    await page.goto(f"{live.url}/account/{name}#token={token}")
    if name == "sign-up":
        await page.get_by_label("Username").fill("newcomer")
    if name != "verify-email":
        await page.get_by_label("New password").fill("correct horse battery")
    await page.locator("form button").click()
    await expect(page.get_by_role("status")).not_to_be_empty()
    await expect(page.locator("form button")).to_be_enabled()
    await picture(f"{kind}-{name}")


async def test_somebody_signs_in(page, picture, live, owner):
    await page.goto(f"{live.url}/account/sign-in")
    await page.get_by_label("E-mail address").fill(owner.user.email)
    await page.get_by_label("Password").fill("wrong horse battery")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("status")).not_to_be_empty()
    await picture("sign-in-refused")


async def test_a_page_for_a_mails_link_says_what_it_waits_for(page, picture, live):
    await page.goto(f"{live.url}/account/verify-email")
    await expect(page.get_by_text("Open the link in the email")).to_be_visible()
    await page.goto(f"{live.url}/account/reset-password")
    await expect(page.get_by_role("heading")).to_have_text("Request a new password")
    await picture("ask-reset")


async def test_an_invitations_link_leads_into_the_team(page, live, change, owner, database):
    team = await factories.team(database, owner.id, name="Walkers")
    hashed = await credentials.hash_password(factories.PASSWORD)
    await factories.user(database, "walker", email=NAME, email_verified=True, password_hash=hashed)
    made = await change("createTeamInvitation", "url", viewer=owner, teamId=ids.encode(team))
    await page.goto(f"{live.url}{made['url'].removeprefix(settings.address)}")
    await expect(page.get_by_role("heading")).to_have_text("Join a team")
    await page.get_by_label("E-mail address").fill(NAME)
    await page.get_by_label("Password").fill(factories.PASSWORD)
    await page.get_by_role("button", name="Join").click()
    await says(page, "You joined the team Walkers as walker.")
    await page.reload()
    await page.get_by_role("button", name="Join").click()
    await says(page, "This invitation has reached its number of uses. Ask for a new link.")
