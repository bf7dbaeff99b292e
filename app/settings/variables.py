"""The environment variables that set the settings: their names, units and meanings, and those that set nothing."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.settings import Settings
from app.settings.units import MIB

PREFIX = "FIELDGRAPH_"
UNITS = {
    "bytes": "bytes",
    "s": "seconds",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
    "m2": "m²",
    "m": "metres",
    "percent": "percent",
    "length": "characters",
    "characters": "characters",
    "pixels": "pixels",
    "side": "pixels",
    "zoom": "zoom level",
    "share": "share",
    "cost": "points",
}


@dataclass(frozen=True)
class Variable:
    """One environment variable and what it sets."""

    name: str
    default: str
    unit: str
    bounds: str
    meaning: str


def variables() -> list[Variable]:
    """Every variable, in the order of the settings."""
    return [*chain.from_iterable(_variables(name, field) for name, field in Settings.model_fields.items())]


def unknown(environment: Mapping[str, str] = os.environ) -> dict[str, str | None]:
    """Variables that begin like ours and set nothing, each with the name that may be meant."""
    names = {variable.name for variable in variables()} | {
        _name(name, field) for name, field in Settings.model_fields.items()
    }
    unknown_names = sorted(
        name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in names
    )
    return {name: _meant(name.upper(), names) for name in unknown_names}


def _meant(name: str, names: Iterable[str]) -> str | None:
    if (bare := name.removeprefix(PREFIX)) in names:
        return bare
    close = get_close_matches(bare, [known.removeprefix(PREFIX) for known in names], n=1, cutoff=0.9)
    return next((known for known in names if close and known.removeprefix(PREFIX) == close[0]), None)


def _name(name: str, field: FieldInfo) -> str:
    return str(field.validation_alias or f"{PREFIX}{name.upper()}")


def _variables(name: str, field: FieldInfo) -> list[Variable]:
    variable = _name(name, field)
    if isinstance(field.default, BaseModel):
        return [
            Variable(
                f"{variable}__{part.upper()}",
                _shown(part, getattr(field.default, part)),
                _unit(part),
                _bounds(inner),
                f"{str(field.description).removesuffix('.')}: {inner.description}",
            )
            for part, inner in type(field.default).model_fields.items()
        ]
    return [Variable(variable, _shown(name, field.default), _unit(name), _bounds(field), str(field.description))]


def _unit(name: str) -> str:
    words = [word for word in name.split("_") if word not in {"max", "min"}]
    if "per" in words:
        return "bytes" if words[0] == "upload" and "bytes" in words else "points" if "cost" in words else ""
    return UNITS.get(words[-1], "")


def _shown(name: str, value: Any) -> str:
    if value is None or isinstance(value, SecretStr) or value == []:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if "bytes" in name and isinstance(value, int) and value % MIB == 0:
        return f"{value} ({value // MIB} MiB)"
    return json.dumps(value) if isinstance(value, list) else f"{value}"


def _bounds(field: FieldInfo) -> str:
    """The strictest bounds, such as `1 to 100`."""
    lows, above, highs = (_numbers(field, name) for name in ("ge", "gt", "le"))
    if not highs:
        return ""
    low = _plain(max(lows)) if lows else f"more than {_plain(max(above))}"
    return f"{low} to {_plain(min(highs))}"


def _numbers(field: FieldInfo, name: str) -> list[float]:
    return [float(getattr(bound, name)) for bound in field.metadata if hasattr(bound, name)]


def _plain(number: float) -> str:
    return f"{number:.0f}" if number.is_integer() else f"{number:g}"


def table() -> str:
    """All of them as a Markdown table."""
    head = ["| variable | default | unit | range | meaning |", "|---|---|---|---|---|"]
    rows = [
        f"| `{each.name}` | {each.default} | {each.unit} | {each.bounds} | {each.meaning} |" for each in variables()
    ]
    return "\n".join([*head, *rows, ""])
