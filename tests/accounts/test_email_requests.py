"""What takes a mail: signing up, resetting a password, proving an address; as a client and a mail's reader meet it."""

import asyncio
from datetime import timedelta

import pytest
from itsdangerous import TimestampSigner
from sqlalchemy import func, select, update

from app.errors import Invalid
from app.models.accounts import ApiKey, Session, User
from app.models.choices import Scope
from app.models.system import AuditEntry, Job, Mail
from app.security import credentials
from app.services.accounts.email import tokens as tokens_service
from app.services.accounts.email.tokens import Purpose, token_of
from app.services.accounts.sign_in import passwords, sessions
from app.settings import settings
from tests import factories
from tests.accounts.keys import key_of
from tests.fixtures import Person

PASSWORD = "correct horse battery"
NEW = "wrong horse no more"
ME = "{ me { username email emailVerified } }"


@pytest.fixture
async def ann(database):
    """Somebody with a password and an address that is not proven."""
    fields = {"password_hash": await credentials.hash_password(PASSWORD), "email_verified": False}
    made = await factories.user(database, "ann", **fields)
    return Person(made.user, made.token)


async def kept(database, person) -> User:
    async with database.reading() as session:
        return await session.get_one(User, person.id)


async def counted(database, table) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table))


async def test_whoever_reads_the_mail_signs_up(ask, change, mailbox, deliver, database):
    asked = await change("requestSignUp", "email", email=" Ann@EXAMPLE.org ")
    assert (asked["__typename"], asked["email"]) == ("MailRequested", "Ann@example.org")
    assert await counted(database, User) == 0
    await deliver()
    assert mailbox.last()["To"] == "Ann@example.org"
    made = await change("signUp", "token", token=mailbox.token(), username="ann", password=PASSWORD)
    found = await ask(ME, viewer=Person(User(), made["token"]))
    assert found["me"] == {"username": "ann", "email": "Ann@example.org", "emailVerified": True}
    again = await change("signUp", token=mailbox.token(), username="bob", password=PASSWORD)
    assert again["code"] == "CONFLICT"
    async with database.reading() as session:
        assert (await session.scalars(select(AuditEntry.action))).all() == ["signUp"]


async def test_the_link_leads_to_the_front_end_if_there_is_one(change, mailbox, deliver, monkeypatch):
    monkeypatch.setattr(settings, "app_url", "https://maps.example.org")
    await change("requestSignUp", email="ann@example.org")
    await deliver()
    assert "\nhttps://maps.example.org/sign-up#token=" in mailbox.last().get_content()


async def test_only_the_mail_says_that_an_address_is_registered(change, mailbox, deliver, ann):
    answers = [
        await change("requestSignUp", "email", email=f"{name}@fieldgraph.test") for name in ("ann", "ANN", "bob")
    ]
    assert [answer.pop("email") for answer in answers] == [f"{name}@fieldgraph.test" for name in ("ann", "ANN", "bob")]
    assert answers == [{"__typename": "MailRequested"}] * 3
    await deliver()
    told = "Fieldgraph: You already have an account"
    assert [mail["Subject"] for mail in mailbox.mails] == [told, told, "Fieldgraph: Finish your sign-up"]
    assert "#token=" not in mailbox.mails[0].get_content()


@pytest.mark.parametrize("name", ["requestSignUp", "requestPasswordReset"])
async def test_known_and_unknown_addresses_cost_the_same_work(change, ann, statements, name):
    sent = []
    for email in ("ann@fieldgraph.test", "nobody@fieldgraph.test"):
        statements.clear()
        await change(name, email=email)
        sent.append(list(statements))
    assert sent[0] == sent[1]
    assert sent[0]


@pytest.mark.parametrize("name", ["requestSignUp", "requestPasswordReset"])
@pytest.mark.parametrize(
    "email", ["", "ann", "ann@", "a@b@c.org", "a@b.org, c@d.org", "a@b.org\nBcc: c@d.org", f"{'a' * 255}@example.org"]
)
async def test_what_is_no_address_is_refused(refuse, name, email):
    refused = await refuse(name, email=email)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "email")


@pytest.mark.parametrize("name", ["requestSignUp", "requestPasswordReset"])
async def test_without_a_mail_server_everybody_is_told_alike(refuse, ann, monkeypatch, name):
    monkeypatch.setattr(settings, "production", True)
    refused = [
        await refuse(name, email=email) for email in ("ann@fieldgraph.test", "bob@fieldgraph.test", "no address")
    ]
    assert [answer["code"] for answer in refused] == ["UNAVAILABLE"] * 3
    assert len({answer["message"] for answer in refused}) == 1


async def test_a_link_ends(refuse, ann, monkeypatch):
    tokens = {
        "signUp": {"token": token_of(Purpose.SIGN_UP, "bob@fieldgraph.test"), "username": "bob", "password": PASSWORD},
        "resetPassword": {"token": token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user), "password": NEW},
        "verifyEmail": {"token": token_of(Purpose.EMAIL_VERIFICATION, ann.user.email, ann.user)},
    }
    now = TimestampSigner.get_timestamp
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda signer: now(signer) + 25 * 3_600)
    for name, given in tokens.items():
        refused = await refuse(name, **given)
        assert (refused["field"], refused["message"]) == (
            "token",
            "This link has expired. Request a new one.",
        )


async def test_a_token_is_good_for_one_thing_and_one_installation(refuse, ann, monkeypatch):
    token = token_of(Purpose.EMAIL_VERIFICATION, ann.user.email, ann.user)
    assert (await refuse("resetPassword", token=token, password=NEW))["field"] == "token"
    monkeypatch.setattr(settings, "secret", type(settings.secret)("another installation's"))
    assert (await refuse("verifyEmail", token=token))["field"] == "token"


async def test_a_reset_gives_a_new_password_and_ends_every_session(ask, change, mailbox, deliver, database, ann):
    await change("requestPasswordReset", email="ANN@fieldgraph.test")
    await deliver()
    assert mailbox.last()["To"] == "ANN@fieldgraph.test"
    changed = await change("resetPassword", "username", token=mailbox.token(), password=NEW)
    assert changed["username"] == "ann"
    assert (await ask(ME, viewer=ann)).codes == ["UNAUTHENTICATED"]
    assert await counted(database, Session) == 0
    assert (await kept(database, ann)).email_verified
    assert (await change("signIn", email="ann@fieldgraph.test", password=PASSWORD))["code"] == "INVALID_INPUT"
    assert (await change("signIn", email="ann@fieldgraph.test", password=NEW))["__typename"] == "SignedIn"
    await deliver()
    assert mailbox.to("ann@fieldgraph.test") == ["Fieldgraph: Your password was changed"]


async def test_an_account_without_a_password_gets_its_first_by_a_reset(change, database, ann):
    async with database.writing() as session:
        await session.execute(update(User).values(password_hash=None))
    refused = await change("changePassword", viewer=ann, currentPassword="", newPassword=NEW)
    assert refused["code"] == "CONFLICT"
    token = token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user)
    assert (await change("resetPassword", token=token, password=NEW))["__typename"] == "User"
    assert (await change("signIn", email="ann@fieldgraph.test", password=NEW))["__typename"] == "SignedIn"


async def test_of_ten_resets_with_one_token_one_wins(change, database, ann):
    token = token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user)
    answers = await asyncio.gather(
        *(change("resetPassword", token=token, password=f"password number {n}") for n in range(10))
    )
    assert sorted(answer["__typename"] for answer in answers) == ["InvalidInput"] * 9 + ["User"]
    winner = next(n for n, answer in enumerate(answers) if answer["__typename"] == "User")
    email = "ann@fieldgraph.test"
    assert (await change("signIn", email=email, password=f"password number {winner}"))["__typename"] == "SignedIn"
    assert (await kept(database, ann)).security_stamp == 1


async def test_a_wrong_new_password_leaves_the_token_good(change, refuse, ann):
    token = token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user)
    assert (await refuse("resetPassword", token=token, password="short"))["field"] == "password"
    assert (await change("resetPassword", token=token, password=NEW))["__typename"] == "User"


async def test_whatever_changes_an_account_voids_the_links_sent_before(change, refuse, ann):
    tokens = {
        "resetPassword": {"token": token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user), "password": NEW},
        "verifyEmail": {"token": token_of(Purpose.EMAIL_VERIFICATION, "ann@example.org", ann.user)},
    }
    await change("changePassword", viewer=ann, currentPassword=PASSWORD, newPassword=NEW)
    for name, given in tokens.items():
        assert (await refuse(name, **given))["field"] == "token"


async def test_the_suspended_get_no_link_and_may_use_none(refuse, change, mailbox, deliver, database, ann):
    token = token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user)
    async with database.writing() as session:
        await session.execute(update(User).values(is_active=False))
    assert (await refuse("resetPassword", token=token, password=NEW))["field"] == "token"
    await change("requestPasswordReset", email=ann.user.email)
    await deliver()
    assert mailbox.to(ann.user.email) == ["Fieldgraph: Your account is suspended"]
    assert "#token=" not in mailbox.last().get_content()


async def test_who_has_no_account_gets_no_mail_of_a_reset(change, mailbox, deliver):
    await change("requestPasswordReset", email="nobody@fieldgraph.test")
    await deliver()
    assert mailbox.mails == []


async def test_changing_the_password_ends_the_other_sessions(ask, change, mailbox, deliver, ann):
    other = Person(ann.user, (await change("signIn", "token", email=ann.user.email, password=PASSWORD))["token"])
    changed = await change("changePassword", viewer=ann, currentPassword=PASSWORD, newPassword=NEW)
    assert changed["__typename"] == "User"
    assert (await ask(ME, viewer=ann))["me"]["username"] == "ann"
    assert (await ask(ME, viewer=other)).codes == ["UNAUTHENTICATED"]
    await deliver()
    assert mailbox.to(ann.user.email) == ["Fieldgraph: Your password was changed"]


async def test_a_password_is_changed_by_who_knows_it(refuse, ann):
    wrong = await refuse("changePassword", viewer=ann, currentPassword=NEW, newPassword=NEW)
    assert (wrong["code"], wrong["field"]) == ("INVALID_INPUT", "currentPassword")
    short = await refuse("changePassword", viewer=ann, currentPassword=PASSWORD, newPassword="short")
    assert (short["code"], short["field"]) == ("INVALID_INPUT", "newPassword")
    assert (await refuse("changePassword", currentPassword=PASSWORD, newPassword=NEW))["code"] == "UNAUTHENTICATED"


async def test_of_two_changes_of_a_password_one_wins(change, ann):
    answers = await asyncio.gather(
        *(change("changePassword", viewer=ann, currentPassword=PASSWORD, newPassword=f"{NEW} {n}") for n in range(2))
    )
    assert sorted(answer["__typename"] for answer in answers) in (["Conflict", "User"], ["InvalidInput", "User"])


async def test_a_sign_in_that_was_checked_before_a_reset_comes_too_late(database, ann):
    found = await sessions.user_by_password(database, email=ann.user.email, password=PASSWORD)
    async with database.writing() as session:
        proof = tokens_service.proof_in(Purpose.PASSWORD_RESET, token_of(Purpose.PASSWORD_RESET, found.email, found))
        await passwords.reset_password(session, proof=proof, password_hash="another")
    with pytest.raises(Invalid):
        async with database.writing() as session:
            await sessions.sign_in(session, found)
    assert await counted(database, Session) == 0


async def test_an_address_is_proven_by_reading_its_mail(ask, change, refuse, mailbox, deliver, ann):
    asked = await change("requestEmailVerification", "email", viewer=ann)
    assert asked["email"] == "ann@fieldgraph.test"
    await deliver()
    # The link may be opened where nobody is signed in.
    assert (await change("verifyEmail", "username", token=mailbox.token()))["username"] == "ann"
    assert (await ask(ME, viewer=ann))["me"]["emailVerified"] is True
    assert (await refuse("verifyEmail", token=mailbox.token()))["field"] == "token"
    assert (await refuse("requestEmailVerification", viewer=ann))["code"] == "CONFLICT"


async def test_an_address_is_changed_by_proving_the_new_one(ask, change, mailbox, deliver, ann):
    await change("requestEmailVerification", viewer=ann, email="ann@example.org", currentPassword=PASSWORD)
    assert (await ask(ME, viewer=ann))["me"]["email"] == "ann@fieldgraph.test"
    await deliver()
    assert [mail["To"] for mail in mailbox.mails] == ["ann@example.org"]
    await change("verifyEmail", token=mailbox.token())
    me = {"username": "ann", "email": "ann@example.org", "emailVerified": True}
    assert (await ask(ME, viewer=ann))["me"] == me
    await deliver()
    assert mailbox.to("ann@fieldgraph.test") == ["Fieldgraph: Your email address was changed"]
    assert "ann@example.org" not in mailbox.last().get_content()


async def test_an_open_session_alone_gives_no_other_address(refuse, ann):
    for given in ({}, {"currentPassword": NEW}):
        refused = await refuse("requestEmailVerification", viewer=ann, email="thief@example.org", **given)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "currentPassword")


async def test_passwords_are_tried_for_an_address_as_often_as_for_another_password(refuse, ann, monkeypatch):
    monkeypatch.setattr(settings, "password_changes_per_hour_max", 1)
    asked = {"viewer": ann, "email": "thief@example.org"}
    assert (await refuse("requestEmailVerification", **asked, currentPassword=NEW))["code"] == "INVALID_INPUT"
    assert (await refuse("requestEmailVerification", **asked, currentPassword=PASSWORD))["code"] == "RATE_LIMITED"


async def test_who_has_no_password_shows_none(change, refuse, database):
    mapper = await factories.user(database, "mapper", password_hash=None)
    asked = {"viewer": Person(mapper.user, mapper.token), "email": "own@example.org"}
    assert (await change("requestEmailVerification", **asked))["__typename"] == "MailRequested"
    assert (await refuse("requestEmailVerification", **asked, currentPassword=PASSWORD))["code"] == "CONFLICT"


async def test_nobody_learns_from_a_verification_whose_an_address_is(ask, change, mailbox, deliver, other, ann):
    answers = [
        await change("requestEmailVerification", viewer=ann, email=email, currentPassword=PASSWORD)
        for email in ("Other@fieldgraph.test", "free@fieldgraph.test")
    ]
    assert answers[0] == answers[1] == {"__typename": "MailRequested"}
    await deliver()
    assert mailbox.to("Other@fieldgraph.test") == ["Fieldgraph: Your address was entered for another account"]
    assert "#token=" not in mailbox.mails[0].get_content()
    assert "ann" not in mailbox.mails[0].get_content()


async def test_an_address_that_was_taken_meanwhile_is_not_given_twice(change, refuse, database, ann):
    token = token_of(Purpose.EMAIL_VERIFICATION, "new@fieldgraph.test", ann.user)
    await factories.user(database, "new")
    assert (await refuse("verifyEmail", token=token))["code"] == "CONFLICT"


async def test_a_stranger_has_no_address_to_prove(refuse):
    assert (await refuse("requestEmailVerification", email="ann@example.org"))["code"] == "UNAUTHENTICATED"


ONCE = {
    "signUp": 'token: "x", username: "x", password: "x"',
    "requestSignUp": 'email: "x@example.org"',
    "requestPasswordReset": 'email: "x@example.org"',
    "resetPassword": 'token: "x", password: "x"',
    "changePassword": 'currentPassword: "x", newPassword: "x"',
    "requestEmailVerification": 'email: "x@example.org"',
    "verifyEmail": 'token: "x"',
}


@pytest.mark.parametrize("name", ONCE)
async def test_none_of_them_is_called_twice_in_a_request(ask, unchanged, ann, name):
    calls = " ".join(f"{alias}: {name}(input: {{{ONCE[name]}}}) {{ __typename }}" for alias in "ab")
    async with unchanged():
        answer = await ask(f"mutation {{ {calls} }}", viewer=ann)
    assert answer.codes == ["BAD_REQUEST"]
    assert not answer


LIMITS = {
    "signUp": "sign_ups_per_hour_max",
    "requestSignUp": "sign_up_requests_per_hour_max",
    "requestPasswordReset": "password_reset_requests_per_hour_max",
    "resetPassword": "password_resets_per_hour_max",
    "changePassword": "password_changes_per_hour_max",
    "requestEmailVerification": "email_verification_requests_per_hour_max",
    "verifyEmail": "email_verifications_per_hour_max",
}


@pytest.mark.parametrize("name", LIMITS)
async def test_each_of_them_has_its_share_of_an_hour(ask, unchanged, ann, monkeypatch, name):
    monkeypatch.setattr(settings, LIMITS[name], 2)
    given = ONCE[name] + (f', currentPassword: "{PASSWORD}"' if name == "requestEmailVerification" else "")
    call = f"mutation {{ {name}(input: {{{given}}}) {{ __typename }} }}"
    for _ in range(2):
        assert not (await ask(call, viewer=ann)).errors
    async with unchanged():
        answer = await ask(call, viewer=ann)
    assert answer.codes == ["RATE_LIMITED"]
    assert 0 < answer.errors[0]["extensions"]["retryAfter"] <= timedelta(hours=1).total_seconds()


async def test_one_mailbox_gets_so_many_mails_an_hour(change, database, monkeypatch):
    monkeypatch.setattr(settings, "mails_to_one_address_per_hour_max", 2)
    await change("requestSignUp", email="ann@example.org")
    await change("requestPasswordReset", email="ANN@example.org")
    assert (await change("requestSignUp", email=" ann@Example.org"))["code"] == "RATE_LIMITED"
    assert (await change("requestSignUp", email="bob@example.org"))["__typename"] == "MailRequested"
    assert await counted(database, Mail) == await counted(database, Job) == 3


@pytest.mark.parametrize(("keeps", "keys"), [(None, 0), (False, 0), (True, 1)])
async def test_another_password_revokes_api_keys_unless_they_are_kept(ask, change, database, ann, keeps, keys):
    key = await key_of(database, ann, Scope.READ)
    assert (await ask(ME, viewer=key))["me"]["username"] == "ann"
    given = {} if keeps is None else {"keepApiKeys": keeps}
    await change("changePassword", viewer=ann, currentPassword=PASSWORD, newPassword=NEW, **given)
    assert await counted(database, ApiKey) == keys
    assert (await ask(ME, viewer=key)).codes == ([] if keeps else ["UNAUTHENTICATED"])


async def test_a_reset_revokes_api_keys(ask, change, database, ann):
    key = await key_of(database, ann, Scope.READ)
    assert (await ask(ME, viewer=key))["me"]["username"] == "ann"
    await change("resetPassword", token=token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user), password=NEW)
    assert (await ask(ME, viewer=key)).codes == ["UNAUTHENTICATED"]
    assert await counted(database, ApiKey) == 0
