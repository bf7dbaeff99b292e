"""Deleted rows."""

from dataclasses import dataclass

import strawberry

from app.models.base import Record
from resolvers import ids


@dataclass(frozen=True)
class Deleted:
    """A deleted row, with everything that belonged to it, so that clients can drop it from their caches."""

    deleted_id: strawberry.ID

    @classmethod
    def of(cls, row: Record) -> "Deleted":
        """Fields of a row."""
        return cls(ids.encode(row))
