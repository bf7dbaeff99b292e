"""Why settings cannot be used, a sentence for each."""

from collections.abc import Iterator

from pydantic import ValidationError


def explained(error: ValidationError) -> Iterator[str]:
    """What is wrong with each variable."""
    problems = {_variable(wrong["loc"]): wrong["msg"].removeprefix("Value error, ") for wrong in error.errors()}
    return (f"{variable}: {message}." if variable else f"{message}." for variable, message in problems.items())


def _variable(location: tuple[int | str, ...]) -> str:
    """The variable of a setting, such as PORT or FIELDGRAPH_RAMP__EPOCHS_MAX; nothing where several disagree."""
    name = "__".join(part for part in map(str, location[:2]) if part.isidentifier())
    return name if name.isupper() or not name else f"FIELDGRAPH_{name.upper()}"
