"""What a transaction writes last, in one statement: events, audit entries, notifications, the outcome of a request.

Nothing else in the transaction reads these rows, so they can wait for its end. One statement costs about as much as one
row in it.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

_PLACE = "last statement"


class Part:
    """One kind of rows in the last statement.

    `ctes` names what is written, and how, with `{rows}` for the rows that were added; each has `columns`, given by name
    and PostgreSQL's type, and its `place` among them.
    """

    def __init__(self, ctes: str, *, tells: bool = False, **columns: str) -> None:
        arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        names = ", ".join((*columns, "place"))
        self.ctes = ctes.replace("{rows}", f"unnest({arrays}) WITH ORDINALITY AS given ({names})")
        self.tells = tells
        """Whether it writes events, whose readers are woken after the commit."""


class Last:
    """What one transaction writes last."""

    def __init__(self) -> None:
        self._rows: dict[Part, list[Sequence[Any]]] = {}
        self.tells = False
        """Whether there may be events in it."""

    def add(self, part: Part, *row: object) -> None:
        """Adds a row: a value for each column of its part."""
        self._rows.setdefault(part, []).append(row)
        self.tells |= part.tells

    def lengths(self) -> dict[Part, int]:
        """How much is written of each part, so far."""
        return {part: len(rows) for part, rows in self._rows.items()}

    def cut(self, lengths: dict[Part, int]) -> None:
        """Drops what was added since."""
        self._rows = {part: self._rows[part][:length] for part, length in lengths.items()}

    async def write(self, session: AsyncSession) -> None:
        """Sends the statement, if there is anything to write.

        Earlier than last it is sent where one transaction takes back what it recorded, but in no part of one: what is
        undone with the part would be lost.
        """
        if written := self._rows:
            self._rows = {}
            values = [list(column) for rows in written.values() for column in zip(*rows, strict=True)]
            await (await session.connection()).exec_driver_sql(_statement(*written), tuple(values))


@cache
def _statement(*parts: Part) -> str:
    return f"WITH {', '.join(part.ctes for part in parts)} SELECT 1"


def of(session: AsyncSession) -> Last:
    """What this session's transaction writes last, so far."""
    last: Last = session.info.setdefault(_PLACE, Last())
    return last


def taken_from(session: AsyncSession) -> Last:
    """The same; it is empty when asked again."""
    last: Last = session.info.pop(_PLACE, None) or Last()
    return last
