"""Every setting that is a number or a switch, one step up and one step down, within its own bounds."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.settings import Settings

# Zoom levels move by one, all others by a tenth.
STEP = 10


def numbers() -> Iterator[tuple[str, FieldInfo, Any]]:
    """Each variable with its field and its default; a base model's limits, too."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            for part, inner in type(field.default).model_fields.items():
                yield f"FIELDGRAPH_{name.upper()}__{part.upper()}", inner, getattr(field.default, part)
        elif isinstance(field.default, int | float | Decimal):
            yield str(field.validation_alias or f"FIELDGRAPH_{name.upper()}"), field, field.default


def bounds(field: FieldInfo) -> tuple[float, float]:
    """The lowest and the highest value."""
    lows = [getattr(each, name) for each in field.metadata for name in ("ge", "gt") if hasattr(each, name)]
    highs = [each.le for each in field.metadata if hasattr(each, "le")]
    return max(lows), min(highs)


def turned(field: FieldInfo, default: Any, *, up: bool) -> Any:
    """A step further; nothing where the bounds leave no room for one."""
    if isinstance(default, bool):
        return not default if up is not default else None
    step = max(1, default // STEP) if isinstance(default, int) else max(default / STEP, type(default)("0.001"))
    value = default + step if up else default - step
    low, high = bounds(field)
    strictly = any(hasattr(each, "gt") for each in field.metadata)
    return value if (low < value if strictly else low <= value) and value <= high else None


def all_turned(*, up: bool) -> dict[str, str]:
    """An environment with every number a step further, and no switch turned."""
    steps = {variable: turned(field, default, up=up) for variable, field, default in numbers()}
    kept = {variable for variable, _, default in numbers() if isinstance(default, bool)} | {"PORT"}
    return {name: str(value) for name, value in steps.items() if value is not None and name not in kept}
