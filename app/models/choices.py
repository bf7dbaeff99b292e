"""What accounts choose among: delivery methods, API key scopes, date and number formats."""

from enum import Enum


class DeliveryMethod(Enum):
    """How notifications are delivered."""

    WEB = "WEB"
    EMAIL = "EMAIL"


class Scope(Enum):
    """What a program with an API key may do on its owner's behalf."""

    READ = "READ"
    WRITE = "WRITE"
    TRAIN = "TRAIN"
    ADMIN = "ADMIN"


class TimeFormat(Enum):
    """12-hour or 24-hour clock."""

    H12 = "H12"
    H24 = "H24"


class DateFormat(Enum):
    """The order of day, month and year."""

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


class DateSeparator(Enum):
    """The separator between day, month and year: `/`, `-` or `.`."""

    SLASH = "SLASH"
    HYPHEN = "HYPHEN"
    DOT = "DOT"


class DatetimeSeparator(Enum):
    """The separator between date and time: a space or `T`."""

    SPACE = "SPACE"
    T = "T"


class DecimalSeparator(Enum):
    """The decimal separator: `,` or `.`."""

    COMMA = "COMMA"
    POINT = "POINT"
