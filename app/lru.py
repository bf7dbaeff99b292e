"""A cache of bounded size that forgets what was not used for longest."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SIZE_MAX = 64


class LRU(Generic[K, V]):
    """An LRU cache. A size given as a function is asked for each time; `weigh` bounds the sum of weights, too."""

    def __init__(
        self,
        size_max: int | Callable[[], int] = SIZE_MAX,
        *,
        weigh: Callable[[K], int] | None = None,
        weight_max: int = 0,
    ) -> None:
        self._values: OrderedDict[K, V] = OrderedDict()
        self._size_max = size_max
        self._weigh = weigh
        self._weight_max = weight_max
        self._weight = 0

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[K]:
        """Its keys, the one that was not used for longest first."""
        return iter(self._values)

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as a use of it."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keeps a value, and forgets others if there are too many now."""
        self.drop(key)
        self._values[key] = value
        if self._weigh:
            self._weight += self._weigh(key)
        size_max = self._size_max if isinstance(self._size_max, int) else self._size_max()
        while len(self._values) > size_max or self._weight > self._weight_max:
            self.drop(next(iter(self._values)))

    def drop(self, key: K) -> None:
        """Forgets a key, if it is there."""
        if self._values.pop(key, None) is not None and self._weigh:
            self._weight -= self._weigh(key)

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not there. What cannot be a key, as a list cannot, is made each time."""
        try:
            value = self._values.get(key)
        except TypeError:
            return make()
        if value is not None:
            self._values.move_to_end(key)
        else:
            value = make()
            self.put(key, value)
        return value

    def items(self) -> list[tuple[K, V]]:
        """All keys and values; not a use of them."""
        return list(self._values.items())
