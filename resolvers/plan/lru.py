"""A small bounded memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

REMEMBERED_MAX = 64


class Memory(Generic[K, V]):
    """What was made for a key, the longest unused forgotten first. What cannot be a key is made each time."""

    def __init__(self, size_max: int = REMEMBERED_MAX) -> None:
        self._known: OrderedDict[K, V] = OrderedDict()
        self._size_max = size_max

    def get(self, key: K, make: Callable[[], V]) -> V:
        """What was made for this key, or is made now."""
        try:
            found = self._known.get(key)
        except TypeError:  # an argument that is a list or a shape
            return make()
        if found is not None:
            self._known.move_to_end(key)
            return found
        made = self._known[key] = make()
        if len(self._known) > self._size_max:
            self._known.popitem(last=False)
        return made
