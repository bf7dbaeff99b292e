"""The options of a training: one frozen object from the arguments of `startTraining` to the engine.

A new option is a field here, a column of `Training` with the same name, an argument of `startTraining`, and what an
engine does with it. Checks, comparison, the GraphQL type and the engine's request follow from the field.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Self

CONTACT_SPACING_PIXELS_MAX = 20
BOUNDARY_WIDTH_PIXELS_MAX = 10
SEED_MAX = 2**31 - 1
# Of a training that continues another: by half as many steps of 8 it tells touching roofs apart less well than before.
CONTINUED_BATCH_SIZE = 4


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How a training learns. `max` bounds a whole number; without the option `only_with`, another has no effect."""

    zoom_level: tuple[int, ...]
    epochs: int = 20
    # With 4, trainings that differ in nothing but their seed find rather different roofs on ground they have not seen.
    batch_size: int = 8
    seed: int = field(default=0, metadata={"argument": "seed", "max": SEED_MAX})
    freeze_layers: bool = False
    multimasks: bool = False
    input_contact_spacing: int = field(
        default=8,
        metadata={"argument": "inputContactSpacing", "max": CONTACT_SPACING_PIXELS_MAX, "only_with": "multimasks"},
    )
    input_boundary_width: int = field(
        default=3,
        metadata={"argument": "inputBoundaryWidth", "max": BOUNDARY_WIDTH_PIXELS_MAX, "only_with": "multimasks"},
    )

    @classmethod
    def of(cls, training: Any) -> Self:
        """The options in the columns of a training."""
        values = {option.name: getattr(training, option.name) for option in fields(TrainingOptions)}
        return cls(**{**values, "zoom_level": tuple(training.zoom_level)})

    def values(self) -> dict[str, Any]:
        """The options by name, as columns and JSON have them."""
        options = {option.name: getattr(self, option.name) for option in fields(TrainingOptions)}
        return {**options, "zoom_level": list(self.zoom_level)}

    def effective(self) -> dict[str, Any]:
        """The options by name; None for those that have no effect."""
        values = self.values()
        needs = {option.name: option.metadata.get("only_with") for option in fields(TrainingOptions)}
        return {name: values[name] if need is None or values[need] else None for name, need in needs.items()}
