"""Descriptions that name limits: a docstring says `{settings.nodes_max}`, and the schema shows the number."""

import re
from importlib import import_module

from app import training_options
from app.settings import settings
from schema.sizes import in_words

# The unit of a length stands with it: a letter with an accent is one, however it was typed.
PLACEHOLDER = re.compile(r"\{([a-z_]+)\.(\w+)\}( characters)?")
CHARACTERS = " characters (code points in NFC)"
SQUARE_KILOMETRE_M2 = 1_000_000
SOURCES: dict[str, object] = {"settings": settings, "training_options": training_options}
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def filled(text: str | None) -> str | None:
    """The text with each `{settings.name}`, and each `{social.NAME}` of `app/limits`, as its number."""
    return text and PLACEHOLDER.sub(lambda match: _number(match[1], match[2]) + _unit(match), text)


def _unit(match: re.Match[str]) -> str:
    """The unit of a length; those of settings, such as passwords', are counted as they are typed."""
    return "" if match[3] is None else match[3] if match[1] == "settings" else CHARACTERS


def _number(module: str, name: str) -> str:
    limits = SOURCES.get(module) or import_module(f"app.limits.{module}")
    value: float = getattr(limits, name)
    if name.endswith("_bytes_max"):
        return in_words(round(value))
    if name.endswith("_m2_max") and value % SQUARE_KILOMETRE_M2 == 0:
        return f"{_grouped(value / SQUARE_KILOMETRE_M2)} km²"
    if name.endswith(("_s", "_minutes")):
        return _duration(value * (60 if name.endswith("_minutes") else 1))
    return _grouped(value)


def _duration(seconds: float) -> str:
    size, unit = next(((size, unit) for size, unit in UNITS if seconds % size == 0), UNITS[-1])
    count = seconds / size
    return f"{_grouped(count)} {unit}{'' if count == 1 else 's'}"


def _grouped(value: float) -> str:
    return f"{value:,}".replace(",", " ").removesuffix(".0")
