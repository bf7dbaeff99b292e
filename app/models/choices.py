"""What accounts choose among: how they are told, what their keys may do, how they like dates and numbers."""

from enum import Enum


class DeliveryMethod(Enum):
    """A way by which a person wants to be told of things."""

    WEB = "WEB"
    EMAIL = "EMAIL"


class NotificationKind(Enum):
    """What somebody is told of: their work, teams and account, what others do, and what staff decide."""

    WORK = "WORK"
    TEAM = "TEAM"
    ACCOUNT = "ACCOUNT"
    REPLY = "REPLY"
    MENTION = "MENTION"
    FRIEND_REQUEST = "FRIEND_REQUEST"
    FRIENDSHIP = "FRIENDSHIP"
    MESSAGE = "MESSAGE"
    MODERATION = "MODERATION"


class Scope(Enum):
    """What a program with an API key may do on its owner's behalf."""

    READ = "READ"
    WRITE = "WRITE"
    TRAIN = "TRAIN"
    ADMIN = "ADMIN"


class TimeFormat(Enum):
    """Whether hours count to 12 or to 24."""

    H12 = "H12"
    H24 = "H24"


class DateFormat(Enum):
    """The order of day, month and year."""

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


class DateSeparator(Enum):
    """What stands between day, month and year: `/`, `-` or `.`."""

    SLASH = "SLASH"
    HYPHEN = "HYPHEN"
    DOT = "DOT"


class DatetimeSeparator(Enum):
    """What stands between a date and a time: a space or `T`."""

    SPACE = "SPACE"
    T = "T"


class DecimalSeparator(Enum):
    """What stands before a number's fraction: `,` or `.`."""

    COMMA = "COMMA"
    POINT = "POINT"
