"""One address has one form: however it is typed, it is one account, one count and one mailbox."""

import pytest

from app import checks
from app.errors import Invalid
from app.security import credentials
from app.settings import settings
from tests import factories

PASSWORD = "correct horse battery"
ADDRESS = "ann.lee@bücher.example"
WAYS = {
    "as it is": ADDRESS,
    "capitals": "Ann.LEE@BÜCHER.EXAMPLE",
    "full width": "ann.lee@ｂüｃｈｅｒ.ｅｘａｍｐｌｅ",
    "full-width local part": "ａｎｎ.lee@bücher.example",
    "full-width signs": "ann．lee＠bücher．example",
    "circled letter": "ann.lee@bücher.ⓔxample",
    "ideographic stop": "ann.lee@bücher。example",
    "half-width stop": "ann.lee@bücher｡example",
    "punycode": "ann.lee@xn--bcher-kva.example",
    "punycode in capitals": "ann.lee@XN--BCHER-KVA.example",
    "parts apart": "ann.lee@bu\u0308cher.example",
    "final point": "ann.lee@bücher.example.",
    "space around": "  ann.lee@bücher.example\t",
    "bold letters": "ann.lee@bücher.𝐞xample",
}


@pytest.mark.parametrize("typed", WAYS.values(), ids=WAYS)
def test_all_ways_to_type_an_address_are_one(typed):
    assert checks.email("email", typed).lower() == ADDRESS
    assert checks.mailbox(typed) == ADDRESS


@pytest.mark.parametrize("typed", ["ann\u200b.lee@bücher.example", "ann.lee@bü\u00adcher.example", "ann", ""])
def test_what_is_no_address_has_one_count(typed):
    with pytest.raises(Invalid):
        checks.email("email", typed)
    assert checks.mailbox(typed) == ""


# No server of the tests takes letters beyond ASCII.
PLAIN = "ann.lee@example.org"
PLAINLY = [PLAIN, "ANN.lee@ｅxample.org", "ann.lee@ⓔxample.org", "ann.lee@example。org", "ａnn.lee@example.org."]


@pytest.fixture
async def bob(database):
    return await factories.user(database, "bob", email=PLAIN, email_verified=True)


@pytest.fixture
async def ann(database):
    hashed = await credentials.hash_password(PASSWORD)
    return await factories.user(database, "ann", email=ADDRESS, email_verified=True, password_hash=hashed)


async def test_any_way_signs_in(change, ann):
    for typed in list(WAYS.values())[: settings.sign_ins_per_minute_max - 1]:
        assert (await change("signIn", email=typed, password=PASSWORD))["__typename"] == "SignedIn", typed


async def test_wrong_passwords_are_counted_by_account_not_by_spelling(change, ann, monkeypatch):
    monkeypatch.setattr(settings, "sign_ins_per_minute_max", 3)
    ways = list(WAYS.values())
    answers = [await change("signIn", email=typed, password="wrong") for typed in ways[:6]]
    assert [answer["code"] for answer in answers] == ["INVALID_INPUT"] * 3 + ["RATE_LIMITED"] * 3


@pytest.mark.parametrize("name", ["requestSignUp", "requestPasswordReset"])
async def test_mails_are_counted_by_mailbox_not_by_spelling(change, mailbox, deliver, bob, monkeypatch, name):
    monkeypatch.setattr(settings, "mails_to_one_address_per_hour_max", 3)
    answers = [await change(name, email=typed) for typed in PLAINLY]
    assert [answer.get("code") for answer in answers] == [None] * 3 + ["RATE_LIMITED"] * 2
    await deliver()
    assert len(mailbox.mails) == 3
    assert {mail["To"].lower() for mail in mailbox.mails} == {PLAIN}


async def test_a_second_account_cannot_be_made_by_another_spelling(change, mailbox, deliver, bob):
    await change("requestSignUp", email=PLAINLY[-1])
    await deliver()
    assert mailbox.last()["Subject"] == "Fieldgraph: You already have an account"
