"""Enums that each domain extends in a module of its own."""

from collections.abc import Iterator
from enum import EnumMeta
from typing import Any


class OpenEnum(EnumMeta):
    """An Enum without members of its own has those of its subclasses, in the order of their modules."""

    def __iter__(cls) -> Iterator[Any]:
        """All members."""
        if cls._member_map_:
            yield from super().__iter__()
        subclasses: list[Any] = cls.__subclasses__()
        for domain in sorted(subclasses, key=lambda domain: domain.__module__):
            yield from domain

    def __len__(cls) -> int:
        """How many there are."""
        return sum(1 for _ in cls)

    def __call__(cls, value: Any, *args: Any, **kwargs: Any) -> Any:
        """The member with a value."""
        if cls._member_map_ or args or kwargs:
            return super().__call__(value, *args, **kwargs)
        if isinstance(value, cls):
            return value
        # A column of kinds asks for each value of each row.
        domains: list[Any] = cls.__subclasses__()
        for domain in domains:
            if (member := domain._value2member_map_.get(value)) is not None:
                return member
        raise ValueError(f"{value!r} is no {cls.__name__}")
