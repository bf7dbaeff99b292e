"""Fixtures for tests of money."""

import pytest
from pydantic import SecretStr

from app.gateways.fakes import app as fakes
from app.gateways.fakes import stripe as fake
from app.models.billing.top_ups import TopUp
from app.settings import settings
from tests import factories
from tests.billing.books import STRIPE_SECRET
from tests.fixtures import Person
from tests.servers import serving


@pytest.fixture
async def other_staff(database) -> Person:
    """Another one of the staff."""
    made = await factories.user(database, "second", is_staff=True)
    return Person(made.user, made.token)


@pytest.fixture(scope="module")
def provider():
    """Stripe, on loopback."""
    with serving(fakes) as served:
        yield served


@pytest.fixture
def cards(provider, monkeypatch):
    """An installation with keys, and a provider on loopback."""
    fake.charges.clear()
    fake.detached.clear()
    monkeypatch.setattr(settings, "stripe_url", f"{provider.url}/stripe")
    monkeypatch.setattr(settings, "stripe_secret_key", SecretStr("sk_test_1"))
    monkeypatch.setattr(settings, "stripe_webhook_secret", SecretStr(STRIPE_SECRET))


@pytest.fixture
def receive(api):
    """Sends a signed event about a payment of a top-up."""

    async def receive(key: str, kind: str, top_up: TopUp, **fields) -> None:
        about = {"currency": "usd", "metadata": {"top_up": str(top_up.id)}, **fields}
        content = fake.event(key, kind, about)
        headers = {"Stripe-Signature": fake.signed(content, STRIPE_SECRET)}
        assert (await api.post("/payments/stripe", content=content, headers=headers)).status_code == 204

    return receive
