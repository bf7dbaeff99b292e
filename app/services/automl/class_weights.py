"""How much the rows of each label count in a training, checked before it is queued."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import Invalid, quoted
from app.formats.tables.columns.profiles import TOP_LENGTH_MAX
from app.models.automl.machines import MachineColumn
from app.tabular.datatypes import Datatype, Role
from app.tabular.inputs.cells import label_key

BALANCED = "BALANCED"
WEIGHT_MAX = 1e6


@dataclass(frozen=True)
class ClassWeight:
    """How much a row with this label counts; a row with another one counts 1."""

    label: str
    weight: float


@dataclass(frozen=True)
class ClassWeights:
    """Weights by label, or all labels of an output alike."""

    is_balanced: bool = False
    weights: Sequence[ClassWeight] = ()

    def written(self) -> str | Mapping[str, float] | None:
        """As the learner takes it; None if all rows count the same."""
        if self.is_balanced:
            return BALANCED
        return {each.label: each.weight for each in self.weights} or None


def check(weights: ClassWeights, columns: Sequence[MachineColumn]) -> None:
    """Invalid if there are no labels to weigh, a label is not there, or a weight is none."""
    if not weights.is_balanced and not weights.weights:
        return
    outputs = [each for each in columns if each.role is Role.OUTPUT and each.datatype is Datatype.LABEL]
    if not outputs:
        raise Invalid("classWeights", "Only labels have class weights, and no output of this machine has labels.")
    if weights.is_balanced and weights.weights:
        raise Invalid("classWeights.weights", "Give weights, or balance the labels, not both.")
    profiles = [each.profile for each in outputs]
    known = {label_key(value) for profile in profiles for value, _ in profile.get("top", ())}
    are_all_known = all(profile and _is_whole(profile) for profile in profiles)
    seen: set[str | None] = set()
    for number, each in enumerate(weights.weights):
        field, key = f"classWeights.weights.{number}", label_key(each.label)
        if key in seen:
            raise Invalid(f"{field}.label", f"The label {quoted(each.label)} is named twice. Name it once.")
        if are_all_known and key not in known:
            raise Invalid(f"{field}.label", f"No line has the label {quoted(each.label)}. Name it as the lines do.")
        if not (math.isfinite(each.weight) and 0 < each.weight <= WEIGHT_MAX):
            raise Invalid(f"{field}.weight", "Use a weight above 0, up to 1,000,000.")
        seen.add(key)


def _is_whole(profile: Mapping[str, Any]) -> bool:
    """Whether a profile names all labels of its column, none of them cut."""
    return profile["distinct"] == len(profile["top"]) and all(len(each) < TOP_LENGTH_MAX for each, _ in profile["top"])
