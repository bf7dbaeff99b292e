"""Former names of arguments, accepted beside the new names for one release."""

from typing import Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.errors import Invalid

RenamedToId = Annotated[
    strawberry.ID | None,
    strawberry.argument(deprecation_reason="Renamed to `id`. It will be removed in the next release."),
]
RenamedToUserId = Annotated[
    strawberry.ID | None,
    strawberry.argument(deprecation_reason="Use `userId` instead. It will be removed in the next release."),
]


def one_of(new: str, value: strawberry.ID | None, former: str, former_value: strawberry.ID | None) -> strawberry.ID:
    """The id that was given, under its new or its former name; Invalid unless it is exactly one of them."""
    name, former_shown = to_camel_case(new), to_camel_case(former)
    if value is not None and former_value is not None:
        raise Invalid(name, f"Give `{name}` without `{former_shown}`, which is deprecated.")
    chosen = former_value if value is None else value
    if chosen is None:
        raise Invalid(name, f"Give `{name}`.")
    return chosen
