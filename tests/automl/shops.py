"""Machines that are for sale, in tests."""

from decimal import Decimal
from uuid import uuid4

from sqlalchemy import func, select, update

from app.models.accounts import User
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine
from app.models.automl.market import Listing
from app.models.billing.ledger import AccountKind, Currency, LedgerAccount
from resolvers import ids
from tests import factories
from tests.automl import learned

SOLVE = """mutation($input: SolveInput!) { solve(input: $input) { __typename ... on Solved { rows { outputs } }
    ... on Problem { code message } ... on InsufficientFunds { required available currency } } }"""
BOUGHT = """kind state priceUsd licence licenceTerms machineName machine { id } copy { id machineName status }
    operation { kind cause }"""


class Shop:
    """What a seller's machine is offered as."""

    def __init__(self, change, database, seller):
        self._change = change
        self._database = database
        self.seller = seller

    async def machine(self, *, lines=8, **fields):
        """A machine that answers, with some lines."""
        made = await learned.machine(
            self._database, self.seller.id, learning_line_count=lines - 2, evaluation_line_count=2, **fields
        )
        for number in range(lines):
            values = [float(number), "Red", "2024-01-01", "Ja", 1000.0 + number, None]
            purpose = {"is_for_learning": True} if number < lines - 2 else {"is_for_evaluation": True}
            line = MachineLine(machine_id=made.id, has_outputs=True, values=values, **purpose)
            await factories.add(self._database, line)
        return made

    async def offer(self, machine, kind, price="5", **terms):
        """Lists it; the listing's id."""
        given = {"machineId": ids.encode(machine), "kind": kind, "priceUsd": price, **terms}
        listed = await self._change("listMachine", "id", viewer=self.seller, **given)
        assert "code" not in listed, listed
        return listed["id"]


async def call(api, viewer, machine, rows, *, key=None, **more):
    """Asks a machine under an idempotency key."""
    body = {"query": SOLVE, "variables": {"input": {"machineId": ids.encode(machine), "rows": rows, **more}}}
    headers = {"Authorization": f"Bearer {viewer.token}", "Idempotency-Key": key or str(uuid4())}
    answer = (await api.post("/graphql", json=body, headers=headers)).json()
    return answer["data"]["solve"] if answer.get("data") else answer["errors"][0]["extensions"]


async def usd(database, user_id):
    """What a wallet has."""
    wallet = LedgerAccount.user_id == user_id, LedgerAccount.kind == AccountKind.WALLET
    async with database.reading() as session:
        query = select(func.sum(LedgerAccount.balance)).where(*wallet, LedgerAccount.currency == Currency.USD)
        return await session.scalar(query) or Decimal(0)


async def commission(database):
    """What the platform kept."""
    kept = LedgerAccount.kind == AccountKind.COMMISSION
    async with database.reading() as session:
        return sum(await session.scalars(select(LedgerAccount.balance).where(kept)), Decimal(0))


async def suspend(database, user_id):
    """Suspends an account."""
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == user_id).values(is_active=False))


async def lines_of(database, machine_key):
    """How many lines a machine has."""
    async with database.reading() as session:
        rows = await session.scalars(select(MachineLine).where(MachineLine.machine_id == machine_key))
        return list(rows.all())


async def listing_of(database, listing_id):
    """A listing as it is stored."""
    async with database.reading() as session:
        return await session.get_one(Listing, ids.key(listing_id, Listing))


async def machine_of(database, machine_id):
    """A machine as it is stored."""
    async with database.reading() as session:
        return await session.get_one(Machine, ids.key(machine_id, Machine))
