"""What a column is, decided by all its values: its datatype with the reason, and how its values are written."""

from dataclasses import dataclass, field
from typing import Any

from app.formats.tables.columns import statistics as kinds
from app.formats.tables.columns.statistics import DISTINCT_MAX, Statistics
from app.formats.tables.notation.dates import ANY_ORDER, Order
from app.formats.tables.sources.source import Options
from app.tabular.datatypes import ColumnIssue, Datatype, Role

LABEL_LENGTH_MAX = 100
LANGUAGE_SHARE_MIN = 0.65
LANGUAGE_SAMPLES_MIN = 5
ALMOST_ALL = 0.8
TEXTS_SHARE_MIN = 0.5


@dataclass
class Column:
    """How a column is read."""

    name: str
    position: int
    datatype: Datatype = Datatype.IGNORE
    reason: str = ""
    role: Role = Role.INPUT
    decimal: str | None = None
    date_order: str | None = None
    description: str | None = None
    issues: list[tuple[ColumnIssue, str]] = field(default_factory=list)

    def warn(self, issue: ColumnIssue, message: str) -> None:
        """Adds what a person should know of it."""
        self.issues.append((issue, message))

    @property
    def written(self) -> dict[str, Any]:
        """How its values are written: what later rows are read by."""
        return {
            "name": self.name,
            "position": self.position,
            "datatype": self.datatype.value,
            "decimal": self.decimal,
            "date_order": self.date_order,
        }


@dataclass(frozen=True)
class Conventions:
    """How a whole table writes, where it leaves no doubt: it decides where a column does."""

    decimal: str | None
    date_order: Order | None


def conventions_of(columns: list[Statistics], options: Options, *, separator: str | None) -> Conventions:
    """What the columns without doubt agree on."""
    common = [each.common(lenient=True) for each in columns]
    point = any(each & kinds.POINT and not each & kinds.COMMA for each in common)
    comma = any(each & kinds.COMMA and not each & kinds.POINT for each in common)
    decimal = options.decimal
    if decimal is None and point != comma:
        decimal = "." if point else ","
    if decimal is None and not point and separator == ";":
        decimal = ","
    seen = {order for each in common if (order := _certain_order(each))}
    order = Order[options.date_order] if options.date_order else None
    if order is None and len(seen - {Order.YMD}) == 1:
        order = next(iter(seen - {Order.YMD}))
    return Conventions(decimal, order)


def _orders(common: int) -> tuple[Order, Order]:
    return Order(common >> kinds.DATE_SHIFT & ANY_ORDER), Order(common >> kinds.MOMENT_SHIFT & ANY_ORDER)


def _certain_order(common: int) -> Order | None:
    for orders in _orders(common):
        if orders and orders in {Order.DMY, Order.MDY, Order.YMD}:
            return orders
    return None


def decide(column: Column, seen: Statistics, conventions: Conventions, options: Options) -> None:
    """Sets the datatype of a column; the first that fits all its values."""
    common = seen.common(lenient=True)
    if not seen.present:
        _empty(column)
    elif _is_number(column, seen, common, conventions, options):
        pass
    elif common & kinds.CLOCK:
        column.datatype, column.reason = Datatype.TIME, "All values are times of day."
    elif _is_date(column, common, conventions, options, seen):
        pass
    elif seen.common(lenient=False) & kinds.NESTED:
        column.datatype, column.reason = Datatype.JSON, "All values are JSON objects or lists."
    else:
        _text(column, seen)
        _say_mixed(column, seen)


def _empty(column: Column) -> None:
    column.datatype, column.reason = Datatype.IGNORE, "It has no values."
    column.warn(ColumnIssue.EMPTY, "This column is empty. It is left out.")


def _is_number(column: Column, seen: Statistics, common: int, conventions: Conventions, options: Options) -> bool:
    signs = common & (kinds.POINT | kinds.COMMA)
    if not signs:
        return False
    if signs == (kinds.POINT | kinds.COMMA):
        sign = conventions.decimal or "."
        if seen.any(kinds.EITHER_WAY):
            sign = _either_way(column, seen, conventions)
    else:
        sign = "." if signs == kinds.POINT else ","
        if options.decimal not in {None, sign}:
            column.warn(
                ColumnIssue.DECIMAL_SIGN_UNKNOWN,
                f'With the decimal sign "{options.decimal}" these are no numbers, so "{sign}" is used here.',
            )
    column.datatype, column.decimal = Datatype.FLOAT, sign
    column.reason = "All values are numbers."
    if seen.any(kinds.TRUTH):
        column.reason = "All values are true or false, which count as 1 and 0."
    elif sign == ",":
        column.reason = "All values are numbers with a decimal comma."
    if seen.any(kinds.LEADING_ZERO):
        column.warn(
            ColumnIssue.NUMBERS_AS_TEXT,
            "Some of these numbers begin with zero, as codes do. Set the datatype LABEL if they are codes.",
        )
    if infinite := seen.count(kinds.INFINITE):
        column.warn(ColumnIssue.NOT_FINITE, f"{infinite:,} values are infinite. They count as missing.")
    return True


def _either_way(column: Column, seen: Statistics, conventions: Conventions) -> str:
    """The sign of a column where each value has two readings: 1,338 is one thousand, or one and a third."""
    comma = any("," in each for each in seen.examples)
    sign = conventions.decimal or "."
    example = next((each for each in seen.examples if ("," if comma else ".") in each), "1,338" if comma else "1.338")
    grouped = comma == (sign == ".")
    if comma or grouped:
        meaning = "groups digits" if grouped else "is the decimal sign"
        column.warn(
            ColumnIssue.DECIMAL_SIGN_UNKNOWN,
            f"In values such as {example} the {'comma' if comma else 'point'} may group digits or be the decimal sign. "
            f"Here it {meaning}. Set the decimal sign if this is wrong.",
        )
    return sign


def _is_date(column: Column, common: int, conventions: Conventions, options: Options, seen: Statistics) -> bool:
    orders, _ = _orders(common)
    datatype = Datatype.DATE
    if not orders:
        # A day alone is its midnight among moments.
        either = [_orders(each) for each in seen.kinds if not each & (kinds.AMONG_NUMBERS | kinds.INFINITE)]
        orders = ANY_ORDER if either else Order(0)
        for day, moment in either:
            orders &= day | moment
        datatype = Datatype.DATETIME
    if not orders:
        return False
    order = _order(column, orders, conventions, options)
    column.datatype, column.date_order = datatype, order.name
    words = {Order.YMD: "year, month, day", Order.DMY: "day, month, year", Order.MDY: "month, day, year"}[order]
    what = "dates" if datatype is Datatype.DATE else "dates with a time of day"
    column.reason = f"All values are {what}, in the order {words}."
    return True


def _order(column: Column, orders: Order, conventions: Conventions, options: Options) -> Order:
    if orders == ANY_ORDER:
        return Order.YMD
    if orders != Order.DMY | Order.MDY:
        return next(each for each in (Order.YMD, Order.DMY, Order.MDY) if each & orders)
    order = conventions.date_order
    if order in {None, Order.YMD}:
        order = Order.MDY if options.date_order_usual == "MDY" else Order.DMY
        column.warn(
            ColumnIssue.DATE_ORDER_UNKNOWN,
            "No value says whether day or month comes first. "
            f"The {'month' if order is Order.MDY else 'day'} is read first. Set the order if this is wrong.",
        )
    assert order is not None
    return order


def _text(column: Column, seen: Statistics) -> None:
    if not seen.has_many and seen.longest <= LABEL_LENGTH_MAX:
        column.datatype = Datatype.LABEL
        distinct = len(seen.distinct)
        column.reason = f"Texts with {distinct:,} different values." if distinct > 1 else "Texts with one value."
        if distinct > TEXTS_SHARE_MIN * seen.present and _is_language(seen):
            column.warn(
                ColumnIssue.TEXTS_AS_LABELS,
                "Most rows have a text of their own, which as a label says nothing of other rows. "
                "Set the datatype LANGUAGE to learn from the words.",
            )
        return
    known = sum(seen.languages)
    if _is_language(seen):
        column.datatype = Datatype.LANGUAGE
        column.reason = f"Texts in a known language: {known} of {len(seen.languages)} samples."
        return
    why = (
        f"Texts with more than {DISTINCT_MAX:,} different values"
        if seen.has_many
        else f"Texts of up to {seen.longest:,} characters"
    )
    column.datatype, column.reason = Datatype.IGNORE, f"{why}, in no known language."
    column.warn(
        ColumnIssue.NOT_UNDERSTOOD,
        f"{why} are neither labels nor a language that is known. The column is left out. "
        "Set the datatype LANGUAGE to learn from its texts.",
    )


def _is_language(seen: Statistics) -> bool:
    known = sum(seen.languages)
    return len(seen.languages) >= LANGUAGE_SAMPLES_MIN and known >= LANGUAGE_SHARE_MIN * len(seen.languages)


def _say_mixed(column: Column, seen: Statistics) -> None:
    point, comma = seen.count(kinds.POINT), seen.count(kinds.COMMA)
    either = seen.count(kinds.POINT | kinds.COMMA)
    if either == seen.present and point < either and comma < either:
        column.warn(
            ColumnIssue.MIXED_NUMBERS,
            "All values are numbers, but some have a decimal point and some a decimal comma. Write them in one way.",
        )
    elif either >= ALMOST_ALL * seen.present:
        column.warn(
            ColumnIssue.MIXED_NUMBERS,
            f"{either:,} of {seen.present:,} values are numbers. Set the datatype FLOAT to read the others as missing.",
        )
    dated = (ANY_ORDER << kinds.DATE_SHIFT) | (ANY_ORDER << kinds.MOMENT_SHIFT)
    count = seen.count(dated)
    if count >= ALMOST_ALL * seen.present:
        column.warn(
            ColumnIssue.MIXED_DATES,
            f"{count:,} of {seen.present:,} values are dates, but no order of day, month and year fits all. "
            "Write them in one way, or set the datatype DATE and the order to read the others as missing.",
        )
