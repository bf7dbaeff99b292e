"""How many streams and sockets stay open for one address of strangers, and for one viewer."""

from collections import Counter

from app.errors import RateLimited
from app.settings import settings

RETRY_S = 30


def holder(viewer_id: int | None, address: str) -> str:
    """Who is counted: a viewer wherever they are, strangers by their address."""
    return f"address:{address}" if viewer_id is None else f"viewer:{viewer_id}"


class Places:
    """Counts who holds how many."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, holder: str) -> "Slot":
        """A place for this holder, or `RateLimited`; give it back with `leave()`."""
        place = Slot(self._taken)
        place.move(holder)
        return place


class Slot:
    """One open stream or socket. It begins as its address's and becomes its viewer's."""

    def __init__(self, taken: Counter[str]) -> None:
        self._taken = taken
        self._holder: str | None = None

    def move(self, holder: str) -> None:
        """Count for another holder from now on."""
        if holder == self._holder:
            return
        if self._taken[holder] >= settings.sockets_per_address_max:
            message = f"{settings.sockets_per_address_max} connections are already open. Close one first."
            raise RateLimited(message, retry_after=RETRY_S)
        self.leave()
        self._taken[holder] += 1
        self._holder = holder

    def leave(self) -> None:
        """Free the place; a second time does nothing."""
        if self._holder is not None:
            self._taken[self._holder] -= 1
            if not self._taken[self._holder]:
                del self._taken[self._holder]
            self._holder = None
