"""What a column of a table is: its datatype, its role, how its values are written, and what may be wrong with it."""

from enum import Enum


class Datatype(Enum):
    """The datatype of a column."""

    FLOAT = "FLOAT"
    LABEL = "LABEL"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    LANGUAGE = "LANGUAGE"
    JSON = "JSON"
    IGNORE = "IGNORE"


class Role(Enum):
    """What a column is for."""

    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
    IGNORE = "IGNORE"


class DecimalSign(Enum):
    """The sign before the fraction of a number."""

    POINT = "POINT"
    COMMA = "COMMA"

    @property
    def sign(self) -> str:
        """The sign itself."""
        return "," if self is DecimalSign.COMMA else "."


class DateOrder(Enum):
    """The order of year, month and day in a date."""

    YMD = "YMD"
    DMY = "DMY"
    MDY = "MDY"


class TableFormat(Enum):
    """The format of a file with a table."""

    CSV = "CSV"
    XLS = "XLS"
    XLSX = "XLSX"
    JSON = "JSON"
    NDJSON = "NDJSON"


class ColumnIssue(Enum):
    """What a reader should know about a column or a table."""

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
