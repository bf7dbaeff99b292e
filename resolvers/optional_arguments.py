"""What a client gave of what it might have: `strawberry.Maybe` tells a null from nothing."""

from typing import Any

from strawberry.types.maybe import Some


def given(**maybe: Some[Any] | None) -> dict[str, Any]:
    """The values that were given, by name."""
    return {field: some.value for field, some in maybe.items() if some is not None}
