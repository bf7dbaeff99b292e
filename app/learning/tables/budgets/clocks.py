"""The time that a training may take, and whether somebody wants it to stop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic

# What is kept back from the search for judging, importance and writing.
SEARCH_SHARE = 0.85
JUDGE_SHARE = 0.95
# Below this there is no time to import what grows trees.
TREES_S_MIN = 3.0


@dataclass
class Clock:
    """Seconds since the training began, of those it has."""

    budget_s: float
    cancelled: Callable[[], bool] = lambda: False
    began: float = field(default_factory=monotonic)

    @property
    def elapsed_s(self) -> float:
        return monotonic() - self.began

    def left_s(self, share: float = SEARCH_SHARE) -> float:
        """What is left of a share of the budget."""
        return self.budget_s * share - self.elapsed_s

    def must_stop(self, share: float = SEARCH_SHARE) -> bool:
        """Whether what is done must do."""
        return self.cancelled() or self.left_s(share) <= 0

    def until(self, share: float) -> "Clock":
        """A clock for a part of the work that may take a share of what the search has left."""
        return Clock((self.elapsed_s + max(self.left_s(), 0) * share) / SEARCH_SHARE, self.cancelled, self.began)

    def turns(self, count: int) -> Iterator["Clock"]:
        """A clock for each of some parts of about equal length: none takes the time of those that come after it."""
        for turn in range(count):
            yield self.until(1 / (count - turn))
