"""The invariants of escrow can fail: who checks first and claims later pays a contract out twice."""

import asyncio
from secrets import token_hex

import psycopg
import pytest
from sqlalchemy import select, update

from app.models.consulting.requests import ConsultingRequest
from app.operations.database.migrate import plain_url
from app.policies import Viewer
from app.policies.consulting import Standing
from app.services.consulting import contracts, transitions
from tests.billing.books import ESCROW, broken
from tests.billing.test_mutants import altered, own_database
from tests.consulting.people import contract_between, person
from tests.consulting.test_races import at_once


def checked_long_before_the_claim(connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.execute("ALTER TABLE consulting_requests DISABLE TRIGGER USER")
    connection.execute("ALTER TABLE consulting_requests DROP CONSTRAINT ck_consulting_requests_paid")
    connection.execute("ALTER TABLE ledger_accounts DROP CONSTRAINT ck_ledger_accounts_balance")
    altered(connection, "post_entry", "account.balance < (", "false AND 0 < (")

    async def unlocked(session, viewer, request_id):
        del viewer
        seen = (await session.scalars(select(ConsultingRequest).where(ConsultingRequest.id == request_id))).one()
        await asyncio.sleep(0.2)  # so that both have looked before the first of them pays anything
        return Standing(seen, takes_part=True)

    async def unconditional(session, request, claim, of):
        del claim, of
        id, state = request.id, "FINISHED"
        await session.execute(
            update(ConsultingRequest).where(ConsultingRequest.id == id).values(due_at=None, state=state)
        )

    monkeypatch.setattr(contracts, "locked_request", unlocked)
    monkeypatch.setattr(transitions, "_claim", unconditional)


@pytest.mark.parametrize("is_sound", [True, False], ids=["sound", "checked and then acted on"])
async def test_a_state_that_is_checked_before_it_is_claimed_pays_twice(
    clone_database, redis_url, monkeypatch, is_sound
):
    url = clone_database(f"escrow_{token_hex(4)}")
    async with own_database(url, redis_url) as database:
        client, consultant = await person(database, "client"), await person(database, "consultant")
        made = await contract_between(database, client, consultant)
        if not is_sound:
            with psycopg.connect(plain_url(url), autocommit=True) as connection:
                checked_long_before_the_claim(connection, monkeypatch)
        came = await at_once(
            database,
            lambda session: contracts.approve(session, Viewer(client.id), made.request_id),
            lambda session: contracts.cancel(session, Viewer(consultant.id), made.request_id, note="I am ill."),
        )
        assert came.count("done") == (1 if is_sound else 2)
        assert set(await broken(database)) == (set() if is_sound else {ESCROW})
