"""API keys for tests, without the way of making them."""

from datetime import datetime
from typing import Any

from app.database import Database
from app.models.accounts import ApiKey
from app.models.choices import Scope
from app.security import credentials
from tests import factories
from tests.fixtures import Person


async def key_of(database: Database, owner: Person, *scopes: Scope, **fields: Any) -> Person:
    """Its owner as they ask with a new key of these scopes."""
    token = credentials.new_key()
    kept = {"token_hash": credentials.token_hash(token), "hint": token[:8], "expires_at": None}
    name = f"Key {datetime.now().timestamp()}"  # noqa: DTZ005 - only its being another each time matters
    row = ApiKey(**{"user_id": owner.id, "name": name, "scopes": list(scopes), **kept, **fields})
    await factories.add(database, row)
    return Person(owner.user, token)
