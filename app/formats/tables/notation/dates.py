"""Dates and times as people write them, in one order for a whole column."""

import re
from datetime import UTC, date, datetime, time
from enum import IntFlag

TEXT_LENGTH_MAX = 48
YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})\Z", re.ASCII)
YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})\Z", re.ASCII)
DAY_NAMED = re.compile(r"(\d{1,2})[ .-]{1,2}([A-Za-z]{3,9})\.?,?[ -](\d{4}|\d{2})\Z", re.ASCII)
MONTH_NAMED = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\Z", re.ASCII)
TIME = re.compile(r"(\d{1,2})([:.])(\d{2})(?:\2(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)?\Z", re.ASCII)
BOTH = re.compile(
    r"(\S.*?)(?:[T ]| +)(\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?)"
    r" ?(Z|UTC|[+-]\d\d:?\d\d)?\Z",
    re.ASCII,
)
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        1,
    )
    for name in names
}
# Two digits of a year: up to this one of this century, then of the last.
PIVOT = 69


class Order(IntFlag):
    """The orders in which a text may be read as a date."""

    YMD = 1
    DMY = 2
    MDY = 4


ANY_ORDER = Order.YMD | Order.DMY | Order.MDY
# As plain numbers: this is asked of every cell, and flags are slow.
YEAR_LEADS, DAY_FIRST, MONTH_FIRST, ANY_BITS = map(int, (Order.YMD, Order.DMY, Order.MDY, ANY_ORDER))


def orders(text: str) -> int:
    """The orders in which this is a date of the calendar, as their bits."""
    if len(text) > TEXT_LENGTH_MAX:
        return 0
    if match := YEAR_LAST.match(text):
        first, second, year = int(match[1]), int(match[3]), match[4]
        return (DAY_FIRST if _date(year, second, first) else 0) | (MONTH_FIRST if _date(year, first, second) else 0)
    if YEAR_FIRST.match(text):
        return YEAR_LEADS if day(text, Order.YMD) else 0
    return ANY_BITS if _named(text) else 0


def day(text: str, order: Order) -> date | None:
    """The day that a text names, read in one order."""
    if match := YEAR_LAST.match(text):
        if order is Order.YMD:
            return None
        first, second = int(match[1]), int(match[3])
        return _date(match[4], second, first) if order is Order.DMY else _date(match[4], first, second)
    if match := YEAR_FIRST.match(text):
        # The year in front leaves no doubt about the rest.
        return _date(match[1], int(match[3]), int(match[4]))
    return _named(text)


def _named(text: str) -> date | None:
    if match := DAY_NAMED.match(text):
        month = MONTHS.get(match[2].lower())
        return _date(match[3], month, int(match[1])) if month else None
    if match := MONTH_NAMED.match(text):
        month = MONTHS.get(match[1].lower())
        return _date(match[3], month, int(match[2])) if month else None
    return None


def _date(year: str, month: int, day: int) -> date | None:
    full = int(year)
    if len(year) == 2:
        full += 2000 if full < PIVOT else 1900
    try:
        return date(full, month, day)
    except ValueError:
        return None


def clock(text: str) -> time | None:
    """The time of day that a text names."""
    match = TIME.match(text) if len(text) <= TEXT_LENGTH_MAX else None
    if not match:
        return None
    hour, minute, second = int(match[1]), int(match[3]), int(match[4] or 0)
    if match[6]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[6] in "Pp" else 0)
    try:
        return time(hour, minute, second, int((match[5] or "0").ljust(6, "0")[:6]))
    except ValueError:
        return None


def moment_orders(text: str) -> int:
    """The orders in which this is a date with a time of day, as their bits."""
    match = BOTH.match(text) if len(text) <= TEXT_LENGTH_MAX else None
    return orders(match[1].rstrip(",")) if match and clock(match[2]) else 0


def moment(text: str, order: Order) -> datetime | None:
    """A date with a time of day; a date alone is its midnight. One with a UTC offset is converted to UTC."""
    match = BOTH.match(text) if len(text) <= TEXT_LENGTH_MAX else None
    if not match:
        alone = day(text, order)
        return datetime.combine(alone, time()) if alone else None
    date_part, clock_part = day(match[1].rstrip(","), order), clock(match[2])
    if not date_part or not clock_part:
        return None
    naive = datetime.combine(date_part, clock_part)
    if match[3] in {None, "Z", "UTC"}:
        return naive
    try:
        aware = datetime.strptime(match[3].replace(":", ""), "%z").tzinfo
        return naive.replace(tzinfo=aware).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
