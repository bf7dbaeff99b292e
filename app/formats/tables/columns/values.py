"""Values of a column whose reading is settled: texts, and what clients send as JSON."""

from typing import Any, NamedTuple

import orjson

from app.formats.tables.columns.statistics import nested
from app.formats.tables.notation import dates, missing, numbers
from app.formats.tables.notation.dates import Order
from app.formats.tables.sources.records import as_text
from app.tabular.datatypes import Datatype


class Unfitting(ValueError):
    """A value that the column cannot hold; its message says what it should be."""


class ValueReader(NamedTuple):
    """How the values of one column are read: by its settled format, never detected anew."""

    name: str
    datatype: Datatype
    decimal: str = "."
    order: Order = Order.YMD
    # Whether cells come from a format that has numbers, such as a workbook: it writes them with a point.
    is_typed: bool = False

    @classmethod
    def of(cls, written: dict[str, Any]) -> "ValueReader":
        """The reader of a column as it is stored."""
        return cls(
            written["name"],
            Datatype(written["datatype"]),
            written.get("decimal") or ".",
            Order[written.get("date_order") or "YMD"],
        )

    def value(self, raw: Any) -> Any:
        """A value as it is kept; None if it is missing, Unfitting if the column cannot hold it."""
        if raw is None:
            return None
        if isinstance(raw, float | int) and self.datatype is Datatype.FLOAT:
            return self._number(raw)
        # A word of JSON is a word of a table: 1 and 1.0 are the label "1".
        return self.of_text(as_text(raw))

    def of_text(self, raw: str) -> Any:
        """The same for a cell of a table."""
        text = raw.strip()
        if text in missing.ALWAYS:
            return None
        kind = self.datatype
        if kind is Datatype.LABEL or kind is Datatype.LANGUAGE or kind is Datatype.IGNORE:
            return text
        if kind is Datatype.JSON:
            return self._nested(text)
        value = self._typed(text)
        if value is None:
            if missing.is_missing_among_numbers(text) or numbers.is_infinite(text):
                return None
            raise Unfitting(self._expected())
        return value

    def _typed(self, text: str) -> Any:
        match self.datatype:
            case Datatype.FLOAT:
                plain = numbers.number(text, ".") if self.is_typed else None
                return numbers.number(text, self.decimal) if plain is None else plain
            case Datatype.DATE:
                day = dates.day(text, self.order) or dates.moment(text, self.order)
                return day and day.isoformat()[:10]
            case Datatype.DATETIME:
                moment = dates.moment(text, self.order)
                return moment and moment.isoformat()
        clock = dates.clock(text)
        return clock and clock.isoformat()

    @staticmethod
    def _number(number: float) -> float | None:
        try:
            value = float(number)
        except OverflowError:
            return None
        return value if value - value == 0 else None

    @staticmethod
    def _nested(text: str) -> Any:
        value = nested(text)
        if value is None:
            raise Unfitting("a JSON object or list")
        try:
            return orjson.loads(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS))
        except (orjson.JSONEncodeError, orjson.JSONDecodeError):
            raise Unfitting("a JSON object or list") from None

    def _expected(self) -> str:
        match self.datatype:
            case Datatype.FLOAT:
                return f'a number with the decimal sign "{self.decimal}"'
            case Datatype.DATE:
                return f"a date in the order {self.order.name}"
            case Datatype.DATETIME:
                return f"a date in the order {self.order.name} with a time of day"
        return "a time of day"
