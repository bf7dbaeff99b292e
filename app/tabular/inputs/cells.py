"""A cell of a table as a number, a moment, a label or a text, in whichever JSON form it arrives."""

import json
import math
import warnings
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cells = Sequence[Any]
Numbers = NDArray[np.float64]
TEXT_LENGTH_MAX = 20_000
DAY_S = 86_400
MOMENTS = ("DATE", "TIME", "DATETIME")
TRUTHS = {"true": 1.0, "false": 0.0}


def is_missing(value: object) -> bool:
    """Whether a cell has no value."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def number_of(value: object) -> float | None:
    """A cell as a number; None if it is none, NaN if it is missing."""
    if is_missing(value):
        return math.nan
    if isinstance(value, str) and (truth := TRUTHS.get(value.strip().lower())) is not None:
        return truth
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def moment_of(value: object, datatype: str) -> float | None:
    """A date or a time as seconds: since 1970, or since midnight; None if it is neither, NaN if it is missing."""
    if is_missing(value):
        return math.nan
    text = str(value).strip()
    try:
        if datatype == "TIME":
            clock = time.fromisoformat(text)
            return clock.hour * 3600.0 + clock.minute * 60 + clock.second + clock.microsecond / 1e6
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def moment_text(seconds: float, datatype: str) -> str:
    """Seconds as the text of a date or a time."""
    if datatype == "TIME":
        whole = min(max(round(seconds), 0), DAY_S - 1)
        return time(whole // 3600, whole // 60 % 60, whole % 60).isoformat()
    first, last = -62_135_596_800, 253_402_300_799
    moment = datetime.fromtimestamp(min(max(round(seconds), first), last), UTC)
    return moment.date().isoformat() if datatype == "DATE" else moment.replace(tzinfo=None).isoformat()


def label_key(value: object) -> str | None:
    """By what equal labels are known: without outer spaces and case, and 1.0 is 1; None if the cell is missing."""
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return numeric_key(float(value)) if math.isfinite(value) else str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.strip().casefold() or None


def numeric_key(number: float) -> str:
    """A number as a label."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def label_text(value: object) -> str:
    """A label as it is shown."""
    if isinstance(value, float) and value.is_integer():
        return numeric_key(value)
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def text_of(value: object) -> str:
    """A cell as a text to learn from."""
    if is_missing(value):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:TEXT_LENGTH_MAX]


def numbers_of(cells: Cells, datatype: str = "FLOAT") -> tuple[Numbers, list[int]]:
    """Cells as numbers, NaN where there is none, and the positions of cells that have something else."""
    if datatype == "FLOAT":
        try:
            numbers = np.array(cells, np.float64)
        except (TypeError, ValueError, OverflowError):
            return _one_by_one(cells, datatype)
        return (numbers, []) if numbers.ndim == 1 else _one_by_one(cells, datatype)
    if datatype in {"DATE", "DATETIME"} and all(each is None or type(each) is str for each in cells):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                moments = np.array(cells, "datetime64[s]")
            except (ValueError, Warning):
                return _one_by_one(cells, datatype)
        numbers = moments.astype(np.int64).astype(np.float64)
        numbers[np.isnat(moments)] = np.nan
        # NumPy takes more texts for no moment than we do.
        return (
            (numbers, [])
            if np.isnan(numbers).sum() == sum(each is None for each in cells)
            else _one_by_one(cells, datatype)
        )
    return _one_by_one(cells, datatype)


def _one_by_one(cells: Cells, datatype: str) -> tuple[Numbers, list[int]]:
    numbers, wrong = np.full(len(cells), np.nan), []
    for place, cell in enumerate(cells):
        value = number_of(cell) if datatype == "FLOAT" else moment_of(cell, datatype)
        if value is None:
            wrong.append(place)
        else:
            numbers[place] = value
    return numbers, wrong


def year_days(days: NDArray[np.int64]) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Month, day of the month, day of the week (Monday is 0) and day of the year of days since 1970."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    month = (months - years).astype(np.int64) + 1
    day = (dates - months).astype(np.int64) + 1
    of_year = (dates - years).astype(np.int64) + 1
    week = (days + date(1970, 1, 1).weekday()) % 7
    return month.astype(float), day.astype(float), week.astype(float), of_year.astype(float)
