"""Positions in the order of events, and the cursors that clients see of them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from app.errors import BadRequest


class NotACursor(BadRequest):
    """A position that no event ever had."""

    def __init__(self) -> None:
        super().__init__("`after` is not a cursor from this API.")


class CursorOutdated(BadRequest):
    """A position in an order that no longer holds."""

    def __init__(self) -> None:
        super().__init__(
            "This cursor is from before the database was restored, moved or upgraded. Subscribe again without `after`, "
            "and reload what you show."
        )


class Position(NamedTuple):
    """A position in the order of events; only those of one epoch can be compared (see `epochs`)."""

    xid: int
    id: int
    epoch: int = 0

    @property
    def cursor(self) -> str:
        """The position as clients see it: opaque, valid for as long as events are kept and their order holds."""
        return _encoded(f"{self.epoch}.{self.xid}.{self.id}")

    @classmethod
    def parse(cls, cursor: str) -> "Position":
        """The position of a cursor; BadRequest for anything else."""
        try:
            decoded = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
            *epochs, xid, id = map(int, decoded.split("."))
        except ValueError:
            raise NotACursor from None
        written = ".".join(map(str, (*epochs, xid, id)))
        is_ours = len(epochs) < 2 and all(0 <= number < 2**63 for number in (*epochs, xid, id))
        if not is_ours or _encoded(written) != cursor:
            raise NotACursor
        if not epochs:  # before there were epochs, cursors named none
            raise CursorOutdated
        return cls(xid, id, *epochs)


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")
