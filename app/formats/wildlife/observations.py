"""One form for what all formats say of an animal: the fields of our classifications, as plain values."""

from collections.abc import Mapping
from typing import Any

from app.errors import quoted
from app.formats.wildlife.problems import Problems

TYPES = ("human", "animal", "vehicle", "blank", "unknown", "unclassified")
SEXES = ("unknown", "female", "male")
AGES = ("unknown", "adult", "subadult", "juvenile", "offspring")
BEHAVIOURS = ("undefined", "grazing", "browsing", "rooting", "vigilance", "running", "walking")
NAME_LENGTH_MAX = 250
INDIVIDUAL_LENGTH_MAX = 100


class Oddities:
    """Values that have no place in our fields: each value is reported once, and left out or kept as a tag."""

    def __init__(self, problems: Problems, file: str) -> None:
        self._problems = problems
        self._file = file
        self._warned: set[tuple[str, str]] = set()

    def choice(self, line: int | None, field: str, text: str | None, choices: tuple[str, ...]) -> str | None:
        """The value in lower case if it is one of the choices; else null."""
        if text is None:
            return None
        value = text.strip().lower()
        if value in choices:
            return value
        self.say(line, field, text, "is not known here; the field is left empty")
        return None

    def say(self, line: int | None, field: str, text: str, message: str) -> None:
        """Warns of a value, once."""
        if (field, text) not in self._warned and len(self._warned) < 1_000:
            self._warned.add((field, text))
            self._problems.warn(self._file, line, field, f"{quoted(text)} {message}.")


def observation(type_: str, **message: Any) -> dict[str, Any]:
    """An observation in our fields; those that are not named are empty."""
    empty: dict[str, Any] = dict.fromkeys(FIELDS)
    return {**empty, "type": type_, "level": "object", "count": 1, "attrs": {}, "attr_confidence": {}, **message}


FIELDS = (
    "id",
    "level",
    "names",
    "sex",
    "age",
    "behaviour",
    "count",
    "count_new",
    "individual_id",
    "confidence",
    "bbox",
    "first_frame_index",
    "distance",
    "attrs",
    "attr_confidence",
    "method",
    "by",
    "at",
    "is_setup",
    "event_id",
    "event_start",
    "event_end",
    "comments",
)


def is_group(observed: Mapping[str, Any]) -> bool:
    """Whether it stands for several, or for nothing that has a place in the picture."""
    return observed["bbox"] is None and (observed["count"] or 1) > 1
