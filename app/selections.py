"""Which features of a file are wanted, by their tags."""

from collections.abc import Mapping, Sequence
from typing import Any

# As mappers say that there is none.
NEGATIVE = {"no", "false", "off", "0"}

Tags = Mapping[str, Sequence[str]]
"""Keys, each with the values it may have; any but "no", if none is named. A feature needs one of them."""


class Selection:
    """Features with one of some tags, or all if none is named."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags

    def wants(self, tags: Mapping[str, Any]) -> bool:
        """Whether a feature with these tags is wanted, or would be if its tag did not say that it is absent."""
        return not self._tags or any(
            key in tags and (not values or tags[key] in values) for key, values in self._tags.items()
        )

    def names_one_of(self, tags: Mapping[str, Any]) -> bool:
        """Whether a feature has one of the tags that are named."""
        return bool(self._tags) and self.wants(tags)

    def denies(self, tags: Mapping[str, Any]) -> bool:
        """Whether a feature's tags say of all that is wanted that it is not there, as building=no does."""
        is_denied = False
        for key, values in self._tags.items():
            value = tags.get(key)
            if value is None:
                continue
            if value in values if values else not is_negative(value):
                return False
            is_denied |= not values
        return is_denied

    def chosen_by(self, tags: Mapping[str, Any]) -> list[Any]:
        """What a feature was chosen by: the values of the wanted keys, or all its tags."""
        return [tags.get(key) for key in self._tags] if self._tags else sorted(tags.items(), key=str)


def is_negative(value: object) -> bool:
    """Whether the value of a tag says that there is no such thing."""
    return str(value).strip().lower() in NEGATIVE
