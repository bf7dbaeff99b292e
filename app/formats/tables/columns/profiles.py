"""What the values of a column look like: counts, moments, quantiles, a histogram, the most frequent, and kinds of text.

Values are as lines keep them. Numbers are taken as they are, dates as seconds since 1970, times of day as seconds since
midnight, texts by their length.
"""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.formats.tables.notation.languages import SMALL_WORDS, language
from app.tabular.datatypes import Datatype

Floats = NDArray[np.float64]
COUNTED_MAX = 20_000
TOP_MAX = 10
TOP_LENGTH_MAX = 120
FREQUENT_SHARE = 0.05
BINS = 20
TEXTS_SAMPLED = 150
LANGUAGES_SAMPLED = 100
LANGUAGE_CHARACTERS = 40
TEXT_KINDS: dict[str, Callable[[str], bool]] = {
    "uppercase": str.isupper,
    "lowercase": str.islower,
    "digit": str.isdigit,
    "punctuation": lambda each: each in ".,;:!?'\"()[]{}",
    "operators": lambda each: each in "+-*/=<>%^&|~",
    "underscore": lambda each: each == "_",
    "space": str.isspace,
}
TEXTS = frozenset({Datatype.LABEL, Datatype.LANGUAGE, Datatype.IGNORE})
NO_TOP = frozenset({Datatype.LANGUAGE, Datatype.JSON, Datatype.IGNORE})
QUANTILES = {"quantile02": 0.2, "quantile03": 0.3, "median": 0.5, "quantile07": 0.7, "quantile08": 0.8}


class Profile:
    """One column, values by values, in memory of a few bytes for each."""

    def __init__(self, datatype: Datatype) -> None:
        self._datatype = datatype
        self._rows = 0
        self._numbers = array("d")
        self._counts: Counter[Any] = Counter()
        self._hashes = array("q")
        self._texts: list[str] = []

    def take(self, values: Sequence[Any]) -> None:
        """The next values; None is a missing one."""
        present = [each for each in values if each is not None]
        self._rows += len(values)
        self._numbers.extend(_as_numbers(self._datatype, present))
        if self._datatype is Datatype.FLOAT:
            return
        keys = [orjson.dumps(each) for each in present] if self._datatype is Datatype.JSON else present
        self._hashes.extend(map(hash, keys))
        if len(self._counts) < COUNTED_MAX:
            self._counts.update(keys)
        if self._datatype in TEXTS and len(self._texts) < TEXTS_SAMPLED:
            self._texts += present[: TEXTS_SAMPLED - len(self._texts)]

    def figures(self) -> dict[str, Any]:
        """What was seen, ready for JSON: figures that are not finite are left out."""
        present = len(self._numbers)
        figures: dict[str, Any] = {
            "rows": self._rows,
            "missing": self._rows - present,
            "missing_percentage": 100 * (self._rows - present) / self._rows if self._rows else 0.0,
        }
        numbers = np.frombuffer(self._numbers, dtype=np.float64)
        figures |= self._frequencies(numbers)
        if present:
            with np.errstate(all="ignore"):
                figures |= {name: value for name, value in _moments(numbers).items() if math.isfinite(value)}
                figures["histogram"] = _histogram(numbers)
        if self._texts:
            figures |= {"text": _kinds_of_text(self._texts), "languages": _languages(self._texts)}
        return figures

    def _frequencies(self, numbers: Floats) -> dict[str, Any]:
        if self._datatype is Datatype.FLOAT:
            values, counts = np.unique(numbers, return_counts=True)
            order = np.argsort(-counts, kind="stable")[:TOP_MAX]
            top = [(float(values[at]), int(counts[at])) for at in order]
            frequent, distinct = int(np.sum(counts >= FREQUENT_SHARE * self._rows)), len(values)
        else:
            top = self._counts.most_common(TOP_MAX)
            frequent = sum(count >= FREQUENT_SHARE * self._rows for count in self._counts.values())
            distinct = len(set(self._hashes))
        if self._datatype in NO_TOP:
            return {"distinct": distinct, "frequent": None, "top": []}
        shown = [[each[:TOP_LENGTH_MAX] if isinstance(each, str) else each, count] for each, count in top]
        return {"distinct": distinct, "frequent": frequent, "top": shown}


def profiles(datatypes: Sequence[Datatype]) -> list[Profile]:
    """An empty profile for each column."""
    return [Profile(each) for each in datatypes]


def _as_numbers(datatype: Datatype, values: list[Any]) -> list[float]:
    if datatype is Datatype.FLOAT:
        return values
    if datatype in {Datatype.DATE, Datatype.DATETIME}:
        seconds: list[float] = np.array(values, dtype="datetime64[s]").astype(np.int64).astype(np.float64).tolist()
        return seconds
    if datatype is Datatype.TIME:
        return [3600.0 * int(each[:2]) + 60 * int(each[3:5]) + float(each[6:] or 0) for each in values]
    return [float(len(each)) for each in values]


def _moments(numbers: Floats) -> dict[str, float]:
    count, mean = len(numbers), float(np.mean(numbers))
    apart = numbers - mean
    variance = float(np.mean(apart**2))
    moments = {"min": float(np.min(numbers)), "max": float(np.max(numbers)), "mean": mean}
    moments |= {name: float(np.quantile(numbers, share)) for name, share in QUANTILES.items()}
    if count > 1:
        moments["std"] = math.sqrt(variance * count / (count - 1)) if math.isfinite(variance) else math.inf
        moments["sem"] = moments["std"] / math.sqrt(count)
    if variance > 0 and math.isfinite(variance):
        moments["skewness"] = float(np.mean(apart**3)) / variance**1.5
        moments["kurtosis"] = float(np.mean(apart**4)) / variance**2 - 3
    values, counts = np.unique(numbers, return_counts=True)
    moments["mode"] = float(values[np.argmax(counts)])
    return moments


def _histogram(numbers: Floats) -> dict[str, list[float]] | None:
    """Counts between edges at even distances; None if the distance is beyond all numbers."""
    low, high = float(np.min(numbers)), float(np.max(numbers))
    if not math.isfinite(high - low):
        return None
    try:
        counts, edges = np.histogram(numbers, bins=BINS if high > low else 1)
    except ValueError:  # the numbers are closer than their digits tell apart
        return None
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _kinds_of_text(texts: list[str]) -> dict[str, float]:
    characters = "".join(texts)
    total = max(1, len(characters))
    return {name: sum(map(is_one, characters)) / total for name, is_one in TEXT_KINDS.items()}


def _languages(texts: list[str]) -> dict[str, float]:
    sampled = [language(each[:LANGUAGE_CHARACTERS]) for each in texts[:LANGUAGES_SAMPLED]]
    shares = {code: sampled.count(code) / len(sampled) for code in SMALL_WORDS}
    return shares | {"others": 0.0, "none": sampled.count(None) / len(sampled)}
