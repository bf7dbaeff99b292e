"""Amounts: exact decimals with eight places, rounded once, half to even."""

from decimal import ROUND_HALF_EVEN, Decimal

from app.errors import Invalid
from app.limits.billing import AMOUNT_DECIMALS, AMOUNT_DIGITS, TOP_UP_USD_MIN
from app.settings import settings

SMALLEST = Decimal(1).scaleb(-AMOUNT_DECIMALS)
# Sums of many amounts must fit into the column, too.
LARGEST = Decimal(10) ** (AMOUNT_DIGITS - AMOUNT_DECIMALS - 3)
CENT = Decimal("0.01")
# Written like every amount, with eight decimals.
ZERO = Decimal(0).quantize(SMALLEST)


def rounded(value: Decimal) -> Decimal:
    """The amount as it is posted."""
    return value.quantize(SMALLEST, rounding=ROUND_HALF_EVEN)


def written(value: Decimal) -> str:
    """The amount as people read it: without an exponent, and without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def positive(field: str, value: Decimal) -> Decimal:
    """The amount, if it is above zero, in bounds, and has at most eight decimals."""
    if not value.is_finite() or not SMALLEST <= value <= LARGEST:
        raise Invalid(field, f"Use an amount from {written(SMALLEST)} to {written(LARGEST)}.")
    if rounded(value) != value:
        raise Invalid(field, f"Use at most {AMOUNT_DECIMALS} decimals.")
    return rounded(value)


def for_cards(field: str, usd: Decimal) -> Decimal:
    """The amount, if a card can be charged with it."""
    usd = positive(field, usd)
    if usd != usd.quantize(CENT):
        raise Invalid(field, "Use whole cents.")
    if not TOP_UP_USD_MIN <= usd <= settings.top_up_usd_max:
        raise Invalid(field, f"Use an amount from {TOP_UP_USD_MIN} to {settings.top_up_usd_max}.")
    return usd
