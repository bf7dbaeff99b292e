"""What mutations are given: each domain has a `make`, which makes something of everything, and `inputs` of that."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from app.database import Database
from app.gateways import storage
from app.models.base import Record
from app.models.system import FileUpload
from app.security.signing import Seal
from resolvers import ids
from tests import factories
from tests.fixtures import Person

_NUMBERS = count(1)


@dataclass(frozen=True)
class Works:
    """Rows by their names, and what else inputs need."""

    rows: dict[str, Record]
    more: dict[str, Any] = field(default_factory=dict)

    def id(self, name: str) -> str:
        """The global id of a row."""
        return ids.encode(self.rows[name])


async def uploaded(database: Database, of: Person, use: str, media_type: str = "application/json") -> str:
    """The `upload` value of a file that somebody has uploaded for a purpose; nobody reads what is in it."""
    key = f"uploads/work-{next(_NUMBERS)}"
    await storage.put(key, b"{}")
    await factories.add(database, FileUpload(user_id=of.id, storage_key=key, size_bytes=10))
    sealed: str = Seal("uploaded").dumps([of.id, use, key, media_type, 10])
    return sealed
