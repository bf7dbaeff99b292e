"""What is told of a row that is gone."""

from dataclasses import dataclass

import strawberry

from app.models.base import Record
from resolvers import ids


@dataclass(frozen=True)
class Deleted:
    """That a row is gone, with all that belonged to it: what a client needs in order to forget it."""

    deleted_id: strawberry.ID

    @classmethod
    def of(cls, row: Record) -> "Deleted":
        """What is told of a row."""
        return cls(ids.encode(row))
