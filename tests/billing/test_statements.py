"""Statements: any cut of a period adds up, and files say the same in the words of other programs."""

import csv
import io
import itertools
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from sqlalchemy import func, select

from app.models.accounts import User
from app.models.billing.ledger import Currency, LedgerEntry
from app.models.system import AuditEntry
from app.services.billing import ledger, statement_files, statements
from app.services.billing.statement_files import CAMT
from app.settings import settings
from resolvers import ids
from tests.billing.books import give, move

EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
SHOWN = """query ($currency: Currency!, $since: DateTime!, $until: DateTime!, $userId: ID) {
    statement(currency: $currency, since: $since, until: $until, userId: $userId) {
        opening credited debited closing lines { change balance cause } csv: file(format: CSV)
    } }"""
PERIOD = {"currency": "USD", "since": EARLY.isoformat(), "until": LATE.isoformat()}


@pytest.fixture
async def busy(database, owner, other):
    """Somebody with a history of small and large amounts."""
    random = Random(7)
    await give(database, owner.id, "100.00000001")
    for _ in range(12):
        amount = Decimal(random.randint(1, 10**9)).scaleb(-8)
        await move(database, owner.id, other.id, amount, commission="0.00000001")
    return owner


@pytest.fixture
def taken(database):
    """A statement of a user's US dollars."""

    async def taken(user, since=EARLY, until=LATE, currency=Currency.USD):
        async with database.reading() as session:
            return await statements.statement(session, user.user, currency=currency, since=since, until=until)

    return taken


async def test_opening_and_lines_make_the_closing_and_any_cut_adds_up(taken, busy):
    whole = await taken(busy)
    assert (whole.opening, len(whole.lines)) == (0, 13)
    assert whole.closing == whole.lines[-1].balance == whole.opening + sum(line.change for line in whole.lines)
    times = [line.date_time for line in whole.lines]
    assert times == sorted(times)
    random = Random(3)
    for _ in range(10):
        # At entries' own instants, just before and just after them, and at others.
        cuts = [random.choice(times) + timedelta(microseconds=random.randint(-1, 1)) for _ in range(3)]
        edges = [EARLY, *sorted(cuts), LATE]
        parts = [await taken(busy, since, until) for since, until in itertools.pairwise(edges)]
        assert [part.opening for part in parts[1:]] == [part.closing for part in parts[:-1]]
        assert [line.uuid for part in parts for line in part.lines] == [line.uuid for line in whole.lines]
        assert parts[-1].closing == whole.closing


async def test_a_line_at_the_start_is_part_of_it_and_one_at_the_end_is_not(taken, busy):
    times = [line.date_time for line in (await taken(busy)).lines]
    part = await taken(busy, times[3], times[6])
    assert [line.date_time for line in part.lines] == times[3:6]
    empty = await taken(busy, times[3], times[3])
    assert (empty.lines, empty.opening) == ([], empty.closing)


async def test_a_balance_as_of_an_instant_stays_as_it_was_after_a_reversal(ask, database, busy, other):
    async with database.reading() as session:
        last = (await session.scalars(select(LedgerEntry).order_by(LedgerEntry.id.desc()).limit(1))).one()
        before = (await session.scalars(select(func.clock_timestamp()))).one()
    at = "query ($at: DateTime!) { balanceAt(currency: USD, at: $at) me { userBalance } }"
    was = await ask(at, viewer=busy, at=before.isoformat())
    assert was["balanceAt"] == was["me"]["userBalance"]
    async with database.writing() as session:
        await ledger.reverse(session, last.operation_id, actor_id=None, reason="A mistake.")
    now = await ask(at, viewer=busy, at=before.isoformat())
    assert now["balanceAt"] == was["balanceAt"] != now["me"]["userBalance"]
    assert (await ask(at, viewer=busy, at=EARLY.isoformat()))["balanceAt"] == "0.00000000"


async def test_entries_of_an_account_have_times_in_their_order(database, busy):
    async with database.reading() as session:
        rows = (
            await session.execute(
                select(LedgerEntry.account_id, LedgerEntry.created_at).order_by(
                    LedgerEntry.account_id, LedgerEntry.position
                )
            )
        ).all()
    for before, after in itertools.pairwise(rows):
        assert before.account_id != after.account_id or before.created_at < after.created_at


async def test_a_statement_waits_for_what_is_being_posted(database, busy, taken):
    async with database.writing() as posting:
        account = await ledger.wallet(posting, busy.id, Currency.USD)
        outside = await ledger.platform(posting, ledger.AccountKind.EXTERNAL, Currency.USD)
        about = ledger.About(ledger.OperationCause.TOP_UP, busy.id, busy.id)
        await ledger.post(posting, about, [ledger.Leg(account, Decimal(1)), ledger.Leg(outside, Decimal(-1))])
        async with database.reading() as session:
            await session.execute(select(func.set_config("lock_timeout", "50ms", True)))
            with pytest.raises(Exception, match="lock"):
                await statements.statement(session, busy.user, currency=Currency.USD, since=EARLY, until=LATE)
    assert len((await taken(busy)).lines) == 14


async def test_people_see_their_own_and_staff_anothers_with_an_entry_in_the_audit(ask, database, busy, other, staff):
    own = (await ask(SHOWN, viewer=busy, **PERIOD))["statement"]
    theirs = PERIOD | {"userId": ids.encode(busy.user)}
    assert (await ask(SHOWN, viewer=other, **theirs)).codes == ["FORBIDDEN"]
    assert (await ask(SHOWN, **PERIOD)).codes == ["UNAUTHENTICATED"]
    for _ in range(2):
        assert (await ask(SHOWN, viewer=staff, **theirs))["statement"] == own
    look = "query ($userId: ID!, $at: DateTime!) { balanceAt(currency: USD, at: $at, userId: $userId) }"
    given = {"userId": ids.encode(busy.user), "at": LATE.isoformat()}
    assert (await ask(look, viewer=staff, **given))["balanceAt"] == own["closing"]
    assert (await ask(look, viewer=other, **given)).codes == ["FORBIDDEN"]
    async with database.reading() as session:
        looks = select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.user_id).order_by(AuditEntry.id)
        rows = [tuple(row) for row in await session.execute(looks)]
    assert rows == [(action, staff.id, busy.id) for action in ("statement", "statement", "balanceAt")]


async def test_a_period_with_too_many_lines_and_a_wrong_one_are_refused(ask, busy, monkeypatch):
    monkeypatch.setattr(settings, "statement_lines_max", 12)
    assert (await ask(SHOWN, viewer=busy, **PERIOD)).codes == ["LIMIT_REACHED"]
    backwards = {"since": LATE.isoformat(), "until": EARLY.isoformat()}
    assert (await ask(SHOWN, viewer=busy, **PERIOD | backwards)).codes == ["INVALID_INPUT"]


async def test_a_table_has_a_running_balance_and_nothing_that_computes(taken, database, busy):
    for reason in ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\ta", "\ra", 'a,"b"\nc'):
        async with database.writing() as session:
            legs = [
                ledger.Leg(await ledger.wallet(session, busy.id, Currency.USD), Decimal(1)),
                ledger.Leg(await ledger.platform(session, ledger.AccountKind.ADJUSTMENT, Currency.USD), Decimal(-1)),
            ]
            about = ledger.About(ledger.OperationCause.ADJUSTMENT, None, busy.id, reason=reason)
            await ledger.post(session, about, legs)
    whole = await taken(busy)
    head, opening, *rows, closing = list(csv.reader(io.StringIO(statement_files.as_csv(whole), newline="")))
    assert head == list(statement_files.COLUMNS)
    balance = Decimal(opening[5])
    for row in rows:
        balance += Decimal(row[4])
        assert Decimal(row[5]) == balance
    assert Decimal(closing[5]) == balance == whole.closing
    assert [row[7] for row in rows[-7:]] == ["'=1+1", "'+1+1", "'-1+1", "'@SUM(A1)", "'\ta", "'\ra", 'a,"b"\nc']


def checked(file: Path) -> tuple[int, str]:
    """What bean-check says."""
    command = [str(Path(sys.executable).with_name("bean-check")), "--no-cache", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


async def test_beancount_agrees_and_notices_the_smallest_error(taken, busy, tmp_path):
    whole = await taken(busy)
    text, file = statement_files.as_beancount(whole), tmp_path / "statement.beancount"
    file.write_text(text)
    assert checked(file) == (0, "")
    off = whole.closing + Decimal("0.00000001")
    file.write_text(text.replace(f"{whole.closing:f} ~ 0", f"{off:f} ~ 0"))
    status, told = checked(file)
    assert (status, "Balance failed" in told) == (1, True)


async def test_camt053_fits_its_schema_and_has_one_line_for_what_rounding_leaves(taken, busy):
    whole = await taken(busy)
    text = statement_files.as_camt053(whole)
    schema = xmlschema.XMLSchema(Path(__file__).with_name("camt.053.001.08.xsd"))
    assert [error.reason for error in schema.iter_errors(text)] == []
    assert not schema.is_valid(text.replace("<Ccy>USD</Ccy>", "<Ccy>EAML</Ccy>"))
    [shown] = ET.fromstring(text).iter(f"{{{CAMT}}}Stmt")

    def signed(element: ET.Element) -> Decimal:
        amount = element.find(f"{{{CAMT}}}Amt")
        assert amount.get("Ccy") == "USD"
        assert -Decimal(amount.text).as_tuple().exponent <= 5
        return Decimal(amount.text) * (-1 if element.findtext(f"{{{CAMT}}}CdtDbtInd") == "DBIT" else 1)

    opening, closing = [signed(each) for each in shown.findall(f"{{{CAMT}}}Bal")]
    entries = [signed(each) for each in shown.findall(f"{{{CAMT}}}Ntry")]
    assert opening + sum(entries) == closing == whole.closing.quantize(Decimal("0.00001"))
    assert len(entries) in {13, 14}


async def test_camt053_fits_its_schema_for_whoever_comes_late(taken, busy):
    late = replace(await taken(busy), user=User(id=999_999_999, username="late"))
    schema = xmlschema.XMLSchema(Path(__file__).with_name("camt.053.001.08.xsd"))
    assert [error.reason for error in schema.iter_errors(statement_files.as_camt053(late))] == []


async def test_camt053_is_for_dollars_alone(ask, busy):
    document = """query ($since: DateTime!, $until: DateTime!) {
        statement(currency: EAML, since: $since, until: $until) { file(format: CAMT053) } }"""
    answer = await ask(document, viewer=busy, since=EARLY.isoformat(), until=LATE.isoformat())
    assert answer.codes == ["INVALID_INPUT"]


async def test_an_invoice_rounds_once_and_runs_nothing(taken, database, owner, other):
    await give(database, owner.id, 100)
    # Each rounds to 0.00; together they are 0.01.
    for _ in range(2):
        await move(database, owner.id, other.id, "0.004")
    await move(database, owner.id, other.id, "17.7196")
    async with database.writing() as session:
        legs = [
            ledger.Leg(await ledger.wallet(session, owner.id, Currency.USD), Decimal(1)),
            ledger.Leg(await ledger.platform(session, ledger.AccountKind.ADJUSTMENT, Currency.USD), Decimal(-1)),
        ]
        about = ledger.About(ledger.OperationCause.ADJUSTMENT, None, owner.id, reason="<script>alert(1)</script>")
        await ledger.post(session, about, legs)
    page = statement_files.as_invoice(await taken(owner))
    assert "<b>17.73 USD</b>" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
