"""The shape of a network as somebody asks for it: three layers that stand for one to nine."""

from collections.abc import Mapping
from typing import Any

from app.errors import Invalid, quoted
from app.learning.tables.plans import ACTIVATIONS

FIELD = "parameterNnShape"
PERCENTAGE_MIN, PERCENTAGE_MAX = 3, 1_087
DROPOUTS = (0, 0.1, 0.2, 0.3)
LAYERS_MIN, LAYERS_MAX = 1, 9
PLACES = (1, 2, 3)
KEYS = frozenset(
    {f"{name}{place}" for name in ("NeuronPercentage", "LayerTypeActivation", "DropOut") for place in PLACES}
    | {"HiddenLayerCount"}
)
UNUSED = frozenset({*(f"BatchNormalization{place}" for place in PLACES), "LayerTypeActivationOutput"})


def shape_of_network(value: Any) -> dict[str, Any] | None:
    """The shape, if each of its values is one that a network can have; null lets the level decide."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Invalid(FIELD, "Give an object, such as {HiddenLayerCount: 2, NeuronPercentage1: 200}.")
    for key, number in value.items():
        _check(str(key), number)
    return dict(value)


def _check(key: str, value: Any) -> None:
    if key in UNUSED:
        raise Invalid(FIELD, f"{key} is not available: inputs are scaled already, and the output follows its datatype.")
    if key not in KEYS:
        raise Invalid(FIELD, f"A network has no {quoted(key)}. Use {', '.join(sorted(KEYS))}.")
    if key.startswith("LayerTypeActivation"):
        if value not in ACTIVATIONS:
            raise Invalid(FIELD, f"{key} must be one of {', '.join(ACTIVATIONS)}.")
    elif key.startswith("DropOut"):
        if isinstance(value, bool) or value not in DROPOUTS:
            raise Invalid(FIELD, f"{key} must be one of {', '.join(map(str, DROPOUTS))}.")
    else:
        low, high = (LAYERS_MIN, LAYERS_MAX) if key == "HiddenLayerCount" else (PERCENTAGE_MIN, PERCENTAGE_MAX)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Invalid(FIELD, f"{key} must be a whole number from {low} to {high:,}.")
