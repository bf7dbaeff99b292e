"""What a column of a table is: its datatype, its role, how its values are written, and what may be wrong with it."""

from enum import Enum


class Datatype(Enum):
    """The datatype of a column.

    FLOAT: Numbers.
    LABEL: One of several classes.
    DATE: Dates.
    TIME: Times of day.
    DATETIME: Dates with times.
    LANGUAGE: Texts in a language.
    JSON: JSON values.
    IGNORE: Not used.
    """

    FLOAT = "FLOAT"
    LABEL = "LABEL"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    LANGUAGE = "LANGUAGE"
    JSON = "JSON"
    IGNORE = "IGNORE"


# What no machine gives as an answer.
UNPREDICTABLE = frozenset({Datatype.LANGUAGE, Datatype.JSON, Datatype.IGNORE})


class Role(Enum):
    """What a column is for.

    INPUT: The machine learns from it.
    OUTPUT: The machine answers it.
    IGNORE: It is not used.
    """

    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
    IGNORE = "IGNORE"


class DecimalSign(Enum):
    """The sign before the fraction of a number.

    POINT: A point: `1.5`.
    COMMA: A comma: `1,5`.
    """

    POINT = "POINT"
    COMMA = "COMMA"

    @property
    def sign(self) -> str:
        """The sign itself."""
        return "," if self is DecimalSign.COMMA else "."


class DateOrder(Enum):
    """The order of year, month and day in a date.

    YMD: Year, month, day.
    DMY: Day, month, year.
    MDY: Month, day, year.
    """

    YMD = "YMD"
    DMY = "DMY"
    MDY = "MDY"


class TableFormat(Enum):
    """The format of a file with a table.

    CSV: Text with separators, such as commas, semicolons or tabs.
    XLS: An Excel workbook of the binary format.
    XLSX: An Excel workbook.
    JSON: A JSON array of objects.
    NDJSON: One JSON object per line.
    """

    CSV = "CSV"
    XLS = "XLS"
    XLSX = "XLSX"
    JSON = "JSON"
    NDJSON = "NDJSON"


class ColumnIssue(Enum):
    """What a reader should know about a column or a table.

    CONSTANT: All values are the same.
    IDENTIFIER: Every value is different, as in an identifier.
    LEAK: It tells the output almost alone.
    DUPLICATE_NAME: Another column has the same name.
    NO_NAME: It has no name.
    MIXED_DATES: Its dates are written in several ways.
    DATE_ORDER_UNKNOWN: Its dates do not show whether the day or the month comes first.
    DECIMAL_SIGN_UNKNOWN: Its numbers do not show whether a comma separates decimals or thousands.
    MIXED_NUMBERS: Its numbers are written in several ways.
    NUMBERS_AS_TEXT: Its numbers are stored as texts.
    NOT_FINITE: It has numbers that are infinite or not a number.
    STANDS_FOR_MISSING: A value in it seems to stand for a missing one, such as -999.
    EMPTY: It has no values.
    MOSTLY_MISSING: Most of its values are missing.
    NOT_UNDERSTOOD: Some of its values do not fit its datatype.
    CLASSES_AS_NUMBERS: Its few numbers may be names of classes.
    TEXTS_AS_LABELS: Its many different texts may be language.
    """

    CONSTANT = "CONSTANT"
    IDENTIFIER = "IDENTIFIER"
    LEAK = "LEAK"
    DUPLICATE_NAME = "DUPLICATE_NAME"
    NO_NAME = "NO_NAME"
    MIXED_DATES = "MIXED_DATES"
    DATE_ORDER_UNKNOWN = "DATE_ORDER_UNKNOWN"
    DECIMAL_SIGN_UNKNOWN = "DECIMAL_SIGN_UNKNOWN"
    MIXED_NUMBERS = "MIXED_NUMBERS"
    NUMBERS_AS_TEXT = "NUMBERS_AS_TEXT"
    NOT_FINITE = "NOT_FINITE"
    STANDS_FOR_MISSING = "STANDS_FOR_MISSING"
    EMPTY = "EMPTY"
    MOSTLY_MISSING = "MOSTLY_MISSING"
    NOT_UNDERSTOOD = "NOT_UNDERSTOOD"
    CLASSES_AS_NUMBERS = "CLASSES_AS_NUMBERS"
    TEXTS_AS_LABELS = "TEXTS_AS_LABELS"
