"""Which lines are learned from, and which are set apart to evaluate on.

Equal lines have equal purposes when chance decides, or the answer would be learned by heart.
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import orjson

from app.errors import Unreadable, quoted
from app.tabular.choices import MachineSplit
from app.tabular.datatypes import Datatype

YES = frozenset({"1", "true", "yes", "y", "x", "ja", "oui", "si", "sì", "sim", "test", "evaluation", "validation"})
TIMES = frozenset({Datatype.DATE, Datatype.DATETIME, Datatype.TIME, Datatype.FLOAT})
SHARE_OF = 2**64


class Split(NamedTuple):
    """How the lines of a machine are set apart."""

    kind: MachineSplit
    # The place of the column that decides; None if it is random.
    position: int | None
    datatype: Datatype | None
    evaluation_percentage: int
    seed: int
    # Whether these are a machine's first lines: some of them must teach, and some must judge.
    is_first: bool = True

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Split":
        """As plain values name it."""
        datatype = plain["datatype"]
        return cls(
            MachineSplit(plain["kind"]),
            plain["position"],
            None if datatype is None else Datatype(datatype),
            plain["evaluation_percentage"],
            plain["seed"],
            plain["is_first"],
        )


class Divider:
    """Takes lines one by one, and says in the end which of them are set apart."""

    def __init__(self, split: Split) -> None:
        self._split = split
        self._keys = array("d")
        self._places = array("d")

    def take(self, values: Sequence[Any]) -> None:
        """The next line that has outputs."""
        kind, position = self._split.kind, self._split.position
        value = None if position is None else values[position]
        # A line that does not say when it was, or of which group, is one of its own.
        self._keys.append(self._share(values if value is None else value) if kind in HASHED else _order(kind, value))
        self._places.append(self._share(len(self._places)))

    def evaluated(self) -> list[bool]:
        """Whether each line is set apart."""
        keys = np.frombuffer(self._keys, dtype=np.float64)
        if self._split.kind is MachineSplit.TIME:
            chosen = keys > self._threshold(keys)
        elif self._split.kind is MachineSplit.MARKED:
            chosen = keys > 0
        else:
            chosen = keys < self._split.evaluation_percentage / 100
        if self._split.is_first and len(keys) > 1 and (chosen.all() or not chosen.any()):
            if self._split.kind is not MachineSplit.RANDOM:
                raise Unreadable(WHY[self._split.kind])
            # All lines are equal, or there are only a few.
            order = np.argsort(np.frombuffer(self._places, dtype=np.float64), kind="stable")
            chosen = np.zeros(len(keys), dtype=bool)
            chosen[order[: max(1, len(keys) * self._split.evaluation_percentage // 100)]] = True
        flags: list[bool] = chosen.tolist()
        return flags

    def _threshold(self, times: "np.typing.NDArray[np.float64]") -> float:
        """The time after which lines are set apart: lines of one time stay together."""
        known = times[np.isfinite(times)]
        return (
            float(np.quantile(known, 1 - self._split.evaluation_percentage / 100, method="lower")) if known.size else 0
        )

    def _share(self, value: Any) -> float:
        digest = blake2b(orjson.dumps([self._split.seed, value]), digest_size=8).digest()
        return int.from_bytes(digest) / SHARE_OF


HASHED = frozenset({MachineSplit.RANDOM, MachineSplit.GROUP})
WHY = {
    MachineSplit.TIME: "All lines are of one time, so none can be set apart by time. Choose another split.",
    MachineSplit.GROUP: "The lines have too few groups to set some of them apart. Choose another split.",
    MachineSplit.MARKED: "Either all lines are marked for evaluation, or none is. Mark some of them.",
}


def _order(kind: MachineSplit, value: Any) -> float:
    if kind is MachineSplit.MARKED:
        return float(value is not None and (str(value).lower() in YES or value == 1))
    if value is None:
        return float("-inf")
    if isinstance(value, float):
        return value
    if value[2:3] == ":":
        return 3600.0 * int(value[:2]) + 60 * int(value[3:5]) + float(value[6:] or 0)
    return float(np.datetime64(value, "us").astype(np.int64))


def check(kind: MachineSplit, name: str | None, datatype: Datatype | None) -> str | None:
    """What is wrong with a way to set lines apart; None if nothing is."""
    if kind is MachineSplit.RANDOM:
        return None if name is None else "A random split has no column. Leave it out, or choose another split."
    if name is None:
        return f"The split {kind.value} needs a column. Name it."
    if kind is MachineSplit.TIME and datatype not in TIMES:
        return f"The column {quoted(name)} has no times. Name a column of dates, times or numbers."
    if kind is MachineSplit.GROUP and datatype is Datatype.JSON:
        return f"The column {quoted(name)} has objects. Name a column of labels, numbers or dates."
    return None
