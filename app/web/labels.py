"""Names that clients choose, as labels of what is counted: few, and those that are in use."""

from collections import OrderedDict
from collections.abc import Callable

# Past this many the rest is counted together.
SHOWN_MAX = 200
WAITING_MAX = 1_000
# So often a name must come until it takes the place of the one that came last the longest ago.
USES_MIN = 10


class Labels:
    """Which names are shown. Made-up ones, each sent a few times, fill empty places only and are the first to go."""

    def __init__(self, other: str, gone: Callable[[str], None]) -> None:
        self._other = other
        self._gone = gone
        self._shown: OrderedDict[str, None] = OrderedDict()
        self._waiting: OrderedDict[str, int] = OrderedDict()

    def of(self, name: str) -> str:
        """The name, or the common one of those without a place."""
        if name in self._shown:
            self._shown.move_to_end(name)
            return name
        if len(self._shown) >= SHOWN_MAX:
            if not self._has_waited(name):
                return self._other
            self._gone(self._shown.popitem(last=False)[0])
        self._shown[name] = None
        return name

    def _has_waited(self, name: str) -> bool:
        uses = self._waiting.pop(name, 0) + 1
        if uses >= USES_MIN:
            return True
        self._waiting[name] = uses
        if len(self._waiting) > WAITING_MAX:
            self._waiting.popitem(last=False)
        return False
