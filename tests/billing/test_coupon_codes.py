"""Coupon codes: so many uses, each user once, before their end, and not to be found by trying."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from app.errors import DomainError
from app.models.billing.coupon_codes import CouponCode
from app.models.billing.grants import Grant
from app.models.system import AuditEntry
from app.policies import Viewer
from app.services.billing.promotions import coupon_codes
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.billing.books import broken

TERMS = {"code": "Summer-2026", "name": "Summer", "amount": "5", "usesMax": 2}


@pytest.fixture
def issue(change, staff):
    async def issue(**terms) -> dict[str, object]:
        return await change("issueCouponCode", "couponCode uses usesMax amount", viewer=staff, **TERMS | terms)

    return issue


@pytest.fixture
async def row(database, issue) -> CouponCode:
    """A code with two uses."""
    await issue()
    async with database.reading() as session:
        return (await session.scalars(select(CouponCode))).one()


async def uses(database) -> int:
    async with database.reading() as session:
        return (await session.scalars(select(CouponCode.uses))).one()


async def test_a_code_gives_coupons_to_who_redeems_it_once(ask, change, refuse, row, database, owner, staff):
    assert row.coupon_code == "SUMMER2026"
    given = await change("redeemCoupon", "name amount currency priority", viewer=owner, code=" summer 2026 ")
    assert (given["name"], given["amount"], given["currency"], given["priority"]) == (
        "Summer",
        "5.00000000",
        "COUPON",
        20,
    )
    assert (await ask("{ me { couponBalance } }", viewer=owner))["me"]["couponBalance"] == "5.00000000"
    again = await refuse("redeemCoupon", viewer=owner, code="SUMMER2026")
    assert again["message"] == "You have redeemed this code already."
    listed = await ask("{ couponCodes { nodes { couponCode uses usesMax issuedBy { username } } } }", viewer=staff)
    assert listed["couponCodes"]["nodes"] == [
        {"couponCode": "SUMMER2026", "uses": 1, "usesMax": 2, "issuedBy": {"username": "staff"}}
    ]
    assert await broken(database) == {}


async def test_a_code_that_is_spent_has_ended_or_never_was_is_told_by_the_same_words(
    change, refuse, row, database, owner, staff
):
    unknown = await refuse("redeemCoupon", viewer=owner, code="WINTER2026")
    assert (unknown["code"], unknown["field"]) == ("INVALID_INPUT", "code")
    async with database.writing() as session:
        await session.execute(update(CouponCode).values(uses=2))
    assert (await refuse("redeemCoupon", viewer=owner, code="SUMMER2026"))["message"] == unknown["message"]
    async with database.writing() as session:
        await session.execute(update(CouponCode).values(uses=0, expires_at=func.clock_timestamp()))
    assert (await refuse("redeemCoupon", viewer=owner, code="SUMMER2026"))["message"] == unknown["message"]
    async with database.writing() as session:
        await session.execute(update(CouponCode).values(expires_at=None, coupons_expire_at=func.clock_timestamp()))
    assert (await refuse("redeemCoupon", viewer=owner, code="SUMMER2026"))["message"] == unknown["message"]


async def test_staff_end_a_code_and_both_are_audited(change, refuse, row, database, owner, staff):
    ended = await change("endCouponCode", "expiresAt", viewer=staff, id=ids.encode(row))
    assert ended["expiresAt"] is not None
    assert (await refuse("endCouponCode", viewer=staff, id=ids.encode(row)))["code"] == "CONFLICT"
    assert (await refuse("redeemCoupon", viewer=owner, code="SUMMER2026"))["code"] == "INVALID_INPUT"
    async with database.reading() as session:
        actions = (
            await session.scalars(select(AuditEntry.action).where(AuditEntry.subject_type == "CouponCode"))
        ).all()
    assert sorted(actions) == ["endCouponCode", "issueCouponCode"]


async def tried(database, user_id: int) -> str:
    try:
        async with database.writing() as session:
            await coupon_codes.redeem(session, Viewer(user_id), code="SUMMER2026")
    except DomainError as error:
        return type(error).__name__
    return "done"


async def test_the_last_use_goes_to_one_of_many_at_once(row, database):
    people = [(await factories.user(database, f"person{number}")).user.id for number in range(6)]
    came = await asyncio.gather(*(tried(database, person) for person in people))
    assert sorted(came) == ["Invalid"] * 4 + ["done"] * 2
    assert await uses(database) == 2
    assert await broken(database) == {}


async def test_one_user_many_times_at_once_gets_it_once(row, database, owner):
    came = await asyncio.gather(*(tried(database, owner.id) for _ in range(4)))
    assert sorted(came) == ["Conflict"] * 3 + ["done"]
    assert await uses(database) == 1
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Grant)) == 1


async def test_nobody_finds_a_code_by_trying(change, refuse, row, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "coupon_tries_per_hour_max", 2)
    for code in ("AAAAAA", "BBBBBB"):
        assert (await refuse("redeemCoupon", viewer=owner, code=code))["code"] == "INVALID_INPUT"
    assert (await refuse("redeemCoupon", viewer=owner, code="SUMMER2026"))["code"] == "RATE_LIMITED"
    assert "code" not in await change("redeemCoupon", viewer=other, code="SUMMER2026")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "AB-1"),
        ("code", "SÜMMER26"),
        ("code", "A" * 41),
        ("amount", "0"),
        ("amount", "-1"),
        ("usesMax", 0),
        ("priority", 51),
        ("expiresAt", "2020-01-01T00:00:00Z"),
        ("couponsExpireAt", "2020-01-01T00:00:00Z"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(refuse, staff, field, value):
    refused = await refuse("issueCouponCode", viewer=staff, **TERMS | {field: value})
    assert refused["code"] == "INVALID_INPUT"


async def test_a_code_is_there_once_and_staff_alone_issue_it(issue, refuse, row, owner, staff):
    assert (await refuse("issueCouponCode", viewer=staff, **TERMS))["code"] == "CONFLICT"
    assert (await refuse("issueCouponCode", viewer=owner, **TERMS))["code"] == "FORBIDDEN"
    later = datetime.now(UTC) + timedelta(days=1)
    made = await issue(code="WINTER2026", expiresAt=later.isoformat(), couponsExpireAt=later.isoformat())
    assert made["couponCode"] == "WINTER2026"
