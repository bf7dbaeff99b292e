"""What may be spent in a minute, counted in a real Redis."""

import asyncio
import contextlib

import httpx
import pytest
from structlog.testing import capture_logs

from app.errors import RateLimited
from app.rates import Rates
from app.settings import settings
from app.web.graphql.operations.budget import Budget


@pytest.fixture
async def budget(redis_url):
    rates = Rates(redis_url)
    yield Budget(rates)
    await rates.close()


async def test_a_viewer_spends_until_the_minute_is_spent(budget, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 100)
    await budget.spend(1, "a", 60)
    await budget.spend(1, "b", 40)
    with pytest.raises(RateLimited, match="The limit of 100 points per minute is used up") as refused:
        await budget.spend(1, "a", 1)
    assert 1 <= refused.value.retry_after <= 60
    await budget.spend(2, "a", 100)


async def test_strangers_spend_by_address(budget, monkeypatch):
    monkeypatch.setattr(settings, "address_cost_per_minute_max", 100)
    await budget.spend(None, "192.0.2.1", 100)
    with pytest.raises(RateLimited):
        await budget.spend(None, "192.0.2.1", 1)
    await budget.spend(None, "192.0.2.2", 100)


async def test_what_is_refused_is_not_paid(budget, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 100)
    with pytest.raises(RateLimited):
        await budget.spend(1, "a", 101)
    await budget.spend(1, "a", 100)


class Counted(Rates):
    """Rates that count how often they are asked."""

    asked = 0

    async def take(self, *asked, **how):
        self.asked += 1
        await super().take(*asked, **how)


@pytest.fixture
async def processes(redis_url):
    """Two processes' rates, which share a Redis."""
    both = Counted(redis_url), Counted(redis_url)
    yield both
    for rates in both:
        await rates.close()


async def test_a_process_asks_once_for_a_chunk(processes, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 10_000)
    rates, _ = processes
    budget = Budget(rates)
    await asyncio.gather(*(budget.spend(1, "a", 4) for _ in range(25)))
    assert rates.asked == 1
    await budget.spend(1, "a", 1)
    assert rates.asked == 2
    await budget.spend(2, "a", 1)
    assert rates.asked == 3


async def test_what_is_dearer_than_a_chunk_is_taken_exactly(processes, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 1_000)
    one, other = map(Budget, processes)
    await one.spend(1, "a", 990)
    await other.spend(1, "a", 10)
    with pytest.raises(RateLimited):
        await other.spend(1, "a", 1)


async def spent(budget: Budget, cost: int) -> int:
    """How much one spends before being refused."""
    total = 0
    with contextlib.suppress(RateLimited):
        while True:
            await budget.spend(1, "a", cost)
            total += cost
    return total


@pytest.mark.parametrize("cost", [1, 7, 9])
async def test_two_processes_together_overspend_by_a_chunk_each_at_most(processes, monkeypatch, cost):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 1_000)
    totals = await asyncio.gather(*(spent(Budget(rates), cost) for rates in processes))
    assert 1_000 - 2 * 10 <= sum(totals) <= 1_000 + 2 * 10
    with pytest.raises(RateLimited) as refused:
        await Budget(processes[0]).spend(1, "a", 10)
    assert 1 <= refused.value.retry_after <= 60


async def test_a_chunk_is_good_for_a_minute(processes, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 10_000)
    monkeypatch.setattr("app.web.graphql.operations.budget.MINUTE_S", 0)
    rates, _ = processes
    budget = Budget(rates)
    for _ in range(3):
        await budget.spend(1, "a", 1)
    assert rates.asked == 3


async def test_payers_fill_no_memory(processes, monkeypatch):
    monkeypatch.setattr("app.web.graphql.operations.budget.PAYERS_MAX", 2)
    rates, _ = processes
    budget = Budget(rates)
    for address in ("a", "b", "c", "c", "a"):
        await budget.spend(None, address, 1)
    assert rates.asked == 4


async def test_without_redis_everybody_passes_and_one_line_says_so():
    rates = Rates("unix:///nowhere/redis.sock")
    budget = Budget(rates)
    with capture_logs() as lines:
        for _ in range(20):
            await budget.spend(1, "a", 10**9)
    await rates.close()
    assert [line["event"] for line in lines] == ["rates are not counted"]


async def test_an_overspent_viewer_receives_429_and_when_to_come_again(serve, budget, connect, monkeypatch):
    monkeypatch.setattr(settings, "viewer_cost_per_minute_max", 10)
    query = {"query": "{ items(first: 5) { nodes { id } } }"}
    async with (
        serve(budget=budget) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as client,
    ):
        headers = {"authorization": "Bearer viewer-1"}
        first = await client.post("/graphql", json=query, headers=headers)
        second = await client.post("/graphql", json=query, headers=headers)
        async with connect(served.socket_url) as talk:
            await talk.init(token="viewer-1")
            await talk.subscribe("1", query["query"])
            over_socket = await talk.receive()
    assert (first.status_code, second.status_code) == (200, 429)
    error = second.json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert second.headers["retry-after"] == str(error["extensions"]["retryAfter"])
    cost = second.json()["extensions"]["cost"]
    assert (cost["requested"], cost["remaining"]) == (0, 0)  # nothing was looked at
    assert over_socket["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
