"""Numbers as people write them: with a decimal point or comma, grouped digits, a currency, a unit of thousands."""

import re
from math import isfinite

TEXT_LENGTH_MAX = 60
PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
COMMA = re.compile(r"[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?\Z", re.ASCII)
POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?\Z", re.ASCII)
OTHER_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:[ \u00a0\u202f'’]\d{3})+(?:([.,])\d*)?\Z", re.ASCII)
SCALES = {
    "": 1,
    "%": 1,
    "k": 1e3,
    "thousand": 1e3,
    "tsd": 1e3,
    "m": 1e6,
    "mio": 1e6,
    "million": 1e6,
    "millions": 1e6,
    "bn": 1e9,
    "billion": 1e9,
    "b": 1,
    "kb": 1e3,
    "mb": 1e6,
    "gb": 1e9,
    "tb": 1e12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
CURRENCIES = "$£€¥"
DECORATED = re.compile(rf"([+-]?)[{CURRENCIES}]?\s*([\d.,][\d.,\s'’]*?)\s*([{CURRENCIES}]|%|[A-Za-z]{{1,8}})?\Z")
TRUTH = {"true": 1.0, "false": 0.0}
INFINITE = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "∞", "-∞", "1.#inf", "-1.#inf"})


# As what a text may be read, as bits: plain numbers, for this is asked of every cell.
POINT = 1
COMMA_SIGN = 2
# It has a sign that is a decimal sign in one reading, and groups digits in the other.
EITHER_WAY = 4
DECORATED_NUMBER = 8
LEADING_ZERO = 16
TRUTH_VALUE = 32
BOTH = POINT | COMMA_SIGN


def fit(text: str) -> int:
    """Which decimal signs a number may have been written with; nothing if this is no number."""
    if not text or len(text) > TEXT_LENGTH_MAX:
        return 0
    forms = _bare(text)
    if forms or text[0].isalpha():
        return forms or (TRUTH_VALUE | BOTH if text.lower() in TRUTH else forms)
    decorated = DECORATED.match(text)
    if not decorated or not _is_scale(decorated[3]):
        return 0
    bare = _bare(decorated[2])
    return bare | DECORATED_NUMBER if bare else bare


def _is_scale(unit: str | None) -> bool:
    return unit is None or unit in CURRENCIES or unit.lower() in SCALES


def _bare(text: str) -> int:
    if PLAIN.match(text):
        return _plain(text)
    if COMMA.match(text):
        return BOTH | EITHER_WAY if COMMA_GROUPS.match(text) else COMMA_SIGN
    if COMMA_GROUPS.match(text):
        return POINT
    if POINT_GROUPS.match(text):
        return COMMA_SIGN
    groups = OTHER_GROUPS.match(text)
    return {None: BOTH, ".": POINT, ",": COMMA_SIGN}[groups[1]] if groups else 0


def _plain(text: str) -> int:
    if "." in text:
        return BOTH | EITHER_WAY if POINT_GROUPS.match(text) else POINT
    whole = text.lstrip("+-")
    return BOTH | LEADING_ZERO if len(whole) > 1 and whole[0] == "0" else BOTH


def number(text: str, sign: str) -> float | None:
    """A number written with this decimal sign; None if it is not one, or not finite."""
    if sign == "." and PLAIN.match(text):
        return _finite(text, 1)
    forms = fit(text)
    if not forms & (POINT if sign == "." else COMMA_SIGN):
        return None
    if forms & TRUTH_VALUE:
        return TRUTH[text.lower()]
    if forms & DECORATED_NUMBER:
        parts = DECORATED.match(text)
        assert parts
        unit = parts[3] or ""
        scale = 1 if unit in CURRENCIES else SCALES[unit.lower()]
        return _finite(_digits(parts[1] + parts[2], sign), scale)
    return _finite(_digits(text, sign), 1)


def _digits(text: str, sign: str) -> str:
    other = "," if sign == "." else "."
    kept = "".join(each for each in text if not each.isspace() and each not in "'’" and each != other)
    return kept.replace(",", ".")


def _finite(digits: str, scale: float) -> float | None:
    value = float(digits) * scale
    return value if isfinite(value) else None


def is_infinite(text: str) -> bool:
    """Whether this is a number that no number can hold."""
    if "e" not in text and "E" not in text:
        return text.lower() in INFINITE
    return bool(PLAIN.match(text)) and not isfinite(float(text))
