"""What accounts choose among: delivery methods, API key scopes, date and number formats."""

from enum import Enum


class DeliveryMethod(Enum):
    """How notifications are delivered.

    WEB: In the list of notifications, and by `notificationReceived`.
    EMAIL: By email as well.
    """

    WEB = "WEB"
    EMAIL = "EMAIL"


class Scope(Enum):
    """What a program with an API key may do on its owner's behalf.

    READ: Run queries and subscriptions as the owner.
    WRITE: Run mutations that are not long-running work or for staff.
    TRAIN: Start long-running work, such as trainings and predictions.
    ADMIN: Run mutations for staff, if the owner is staff.
    """

    READ = "READ"
    WRITE = "WRITE"
    TRAIN = "TRAIN"
    ADMIN = "ADMIN"


class TimeFormat(Enum):
    """12-hour or 24-hour clock.

    H12: 12-hour clock, with AM and PM.
    H24: 24-hour clock.
    """

    H12 = "H12"
    H24 = "H24"


class DateFormat(Enum):
    """The order of day, month and year.

    DMY: Day, month, year.
    MDY: Month, day, year.
    YMD: Year, month, day.
    """

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


class DateSeparator(Enum):
    """The separator between day, month and year: `/`, `-` or `.`.

    SLASH: A slash: `/`.
    HYPHEN: A hyphen: `-`.
    DOT: A dot: `.`.
    """

    SLASH = "SLASH"
    HYPHEN = "HYPHEN"
    DOT = "DOT"


class DatetimeSeparator(Enum):
    """The separator between date and time: a space or `T`.

    SPACE: A space.
    T: The letter `T`, as in ISO 8601.
    """

    SPACE = "SPACE"
    T = "T"


class DecimalSeparator(Enum):
    """The decimal separator: `,` or `.`.

    COMMA: A comma: `1,5`.
    POINT: A point: `1.5`.
    """

    COMMA = "COMMA"
    POINT = "POINT"
