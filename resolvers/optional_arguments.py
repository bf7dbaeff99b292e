"""Optional arguments: `strawberry.Maybe` distinguishes null from absent."""

from typing import Any

from strawberry.types.maybe import Some


def provided(**maybe: Some[Any] | None) -> dict[str, Any]:
    """The arguments that the client provided, by name."""
    return {field: some.value for field, some in maybe.items() if some is not None}
