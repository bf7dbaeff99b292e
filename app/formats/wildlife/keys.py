"""The keys of a table: 16 bytes each, however long they are, so that tables of millions of rows are checked too."""

from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MASK = 2**64 - 1


class Keys:
    """Collects keys with their lines; afterwards it knows which came twice, and whether one is among them.

    Keys are kept as the hashes of Python, which differ from process to process: nobody can make two of them meet.
    """

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._lines = array("Q")
        self._sorted: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, key: str, line: int) -> None:
        """Takes one more."""
        self._hashes.append(hash(key) & MASK)
        self._lines.append(line)
        self._sorted = None

    def __contains__(self, key: str) -> bool:
        ordered = self._ordered()
        value = np.uint64(hash(key) & MASK)
        place = int(np.searchsorted(ordered, value))
        return place < len(ordered) and bool(ordered[place] == value)

    def _ordered(self) -> NDArray[np.uint64]:
        if self._sorted is None:
            self._sorted = np.sort(np.frombuffer(self._hashes, np.uint64)) if self._hashes else np.empty(0, np.uint64)
        return self._sorted

    def repeated(self) -> Iterator[int]:
        """The lines of keys that came before."""
        if not self._hashes:
            return
        hashes = np.frombuffer(self._hashes, np.uint64)
        order = np.argsort(hashes, kind="stable")
        again = np.flatnonzero(hashes[order][1:] == hashes[order][:-1]) + 1
        lines = np.frombuffer(self._lines, np.uint64)[order[again]]
        yield from map(int, np.sort(lines))

    @property
    def distinct(self) -> int:
        """How many different keys there are."""
        return len(np.unique(self._ordered()))

    @property
    def shared(self) -> int:
        """How many different keys came more than once."""
        _, counts = np.unique(self._ordered(), return_counts=True)
        return int((counts > 1).sum())
