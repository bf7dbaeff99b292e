"""How far new values lie from those that were known: PSI and the Jensen-Shannon divergence, always finite."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.tabular.inputs.cells import MOMENTS, Cells, Numbers, label_key, numbers_of

BINS = 10
LABELS_MAX = 50
# Half a row more in each bin, so that an empty one weighs little and no logarithm is infinite.
HALF = 0.5
SLIGHT, LARGE = 0.1, 0.25


@dataclass(frozen=True)
class Drift:
    """Of one column: both measures (0 is no change), what is missing, and labels that were not there before."""

    psi: float
    js: float
    missing_before: float
    missing_now: float
    new_labels: int

    @property
    def is_large(self) -> bool:
        """Whether the machine should be trained again."""
        return self.psi >= LARGE


def drift(datatype: str, before: Cells, now: Cells) -> Drift:
    """Of the cells of a column; missing ones are a bin of their own."""
    if datatype == "FLOAT" or datatype in MOMENTS:
        counts, new = _numbers(datatype, before, now), 0
    else:
        counts, new = _labels(before, now)
    shares = [each / each.sum() if each.sum() else np.full(len(each), 1 / len(each)) for each in counts]
    known = [_smoothed(each) for each in counts]
    psi = float(np.sum((known[1] - known[0]) * np.log(known[1] / known[0])))
    middle = (known[0] + known[1]) / 2
    js = float(sum(np.sum(each * np.log2(each / middle)) for each in known) / 2)
    same = np.array_equal(shares[0], shares[1])
    return Drift(0.0 if same else psi, 0.0 if same else max(js, 0.0), float(shares[0][0]), float(shares[1][0]), new)


def _smoothed(counts: Numbers) -> Numbers:
    more: Numbers = (counts + HALF) / (counts + HALF).sum()
    return more


def _numbers(datatype: str, before: Cells, now: Cells) -> list[Numbers]:
    """Missing ones, then tenths of what was known."""
    values = [numbers_of(cells, datatype)[0] for cells in (before, now)]
    finite = values[0][np.isfinite(values[0])]
    edges = np.unique(np.quantile(finite / 4, np.linspace(0, 1, BINS + 1)[1:-1]) * 4) if len(finite) else np.zeros(0)
    if len(finite) and len(np.unique(finite)) == 1:
        # A column that was constant: below, the same, above.
        edges = np.array([np.nextafter(finite[0], -np.inf), finite[0]])
    counts = []
    for each in values:
        known = each[np.isfinite(each)]
        places = np.bincount(np.searchsorted(edges, known, "left"), minlength=len(edges) + 1)
        counts.append(np.concatenate([[len(each) - len(known)], places]).astype(float))
    return counts


def _labels(before: Cells, now: Cells) -> tuple[list[Numbers], int]:
    """Missing ones, then the frequent labels of both sides, then all others."""
    keys = [[label_key(cell) for cell in cells] for cells in (before, now)]
    known, fresh = set(keys[0]) - {None}, set(keys[1]) - {None}
    counted: dict[str, int] = {}
    for key in [*keys[0], *keys[1]]:
        if key is not None:
            counted[key] = counted.get(key, 0) + 1
    kept = sorted(counted, key=lambda key: (-counted[key], key))[:LABELS_MAX]
    places: dict[str | None, int] = {key: place for place, key in enumerate(kept, 2)}
    places[None] = 0
    return [_counts(each, places, len(kept) + 2) for each in keys], len(fresh - known)


def _counts(keys: Sequence[str | None], places: dict[str | None, int], bins: int) -> Numbers:
    return np.bincount([places.get(key, 1) for key in keys], minlength=bins).astype(float)
