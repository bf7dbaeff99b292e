"""How a model's labels map to attributes: checked when given, species found when synced, read when results come in."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app import checks
from app.database import ReadSession
from app.errors import Invalid, quoted
from app.models.wildlife.observations import Age, Behaviour, ObservationType, Sex
from app.models.wildlife.species import Species

FIELD = "categories"
TYPES = ("observation_type", "species", "sex", "age", "behaviour", "custom")
CHOICES: dict[str, type[ObservationType] | type[Sex] | type[Age] | type[Behaviour]] = {
    "observation_type": ObservationType,
    "sex": Sex,
    "age": Age,
    "behaviour": Behaviour,
}
MAPPINGS_MAX, LABELS_MAX, LABEL_LENGTH_MAX = 50, 20_000, 200
GBIF = "GBIF"


def checked(value: Any, *, is_synced: bool = False) -> dict[str, Any]:
    """The categories, if they have the shape that maps labels. `speciesId` is the sync's to compute."""
    categories = checks.json_object(FIELD, value)
    mappings = categories.get("attributeMappings", [])
    if not isinstance(mappings, list) or len(mappings) > MAPPINGS_MAX:
        raise Invalid(FIELD, f"`attributeMappings` must be a list of at most {MAPPINGS_MAX} mappings.")
    for mapping in mappings:
        if not isinstance(mapping, dict) or mapping.get("attributeType") not in TYPES:
            raise Invalid(FIELD, f"`attributeType` must be one of {', '.join(TYPES)}.")
        labels = mapping.get("labels")
        if not isinstance(labels, list) or len(labels) > LABELS_MAX:
            raise Invalid(FIELD, f"`labels` must be a list of at most {LABELS_MAX:,} labels.")
        for label in labels:
            _check_label(mapping["attributeType"], label, is_synced=is_synced)
    return categories


def _check_label(kind: str, label: Any, *, is_synced: bool) -> None:
    if not isinstance(label, dict) or not isinstance(label.get("aiLabel"), str) or not label["aiLabel"]:
        raise Invalid(FIELD, "Each label needs an `aiLabel`.")
    name = label["aiLabel"]
    if len(name) > LABEL_LENGTH_MAX:
        raise Invalid(FIELD, f"An `aiLabel` may have at most {LABEL_LENGTH_MAX} characters.")
    if "speciesId" in label and not is_synced:
        raise Invalid(FIELD, "Leave out `speciesId`: it follows from `gbifSpeciesKey` or the scientific name.")
    if kind in CHOICES and choice(kind, label.get("value")) is None:
        named = ", ".join(each.value.lower() for each in CHOICES[kind])
        raise Invalid(FIELD, f"The label {quoted(name)} maps to no {kind}. Use one of {named}.")


def choice(kind: str, value: Any) -> Any:
    """The member of a choice that a value names, in any case; None if there is none."""
    named = value.strip().upper() if isinstance(value, str) else ""
    return next((each for each in CHOICES[kind] if each.value == named), None)


async def with_species(session: ReadSession, categories: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The categories with the species that their labels name, by key or else by name; and the labels of none."""
    species, unresolved = deepcopy(categories), []
    labels = [label for kind, label in _labels(species) if kind == "species"]
    by_key, by_name = await _species(session, labels)
    for label in labels:
        species_id = by_key.get(str(label.get("gbifSpeciesKey"))) or by_name.get(str(label.get("value")).lower())
        label["speciesId"] = species_id
        if species_id is None:
            unresolved.append(label["aiLabel"])
    return species, unresolved


async def _species(session: ReadSession, labels: list[dict[str, Any]]) -> tuple[dict[str, int], dict[str, int]]:
    keys = {str(label["gbifSpeciesKey"]) for label in labels if label.get("gbifSpeciesKey")}
    names = {str(label["value"]).lower() for label in labels if label.get("value")}
    accepted = func.coalesce(Species.accepted_id, Species.id)
    lower = func.lower(Species.scientific_name)
    keyed = select(Species.key, accepted).where(Species.checklist == GBIF, Species.key.in_(keys))
    named = select(lower, accepted).where(lower.in_(names)).order_by(Species.id.desc())
    return dict((await session.execute(keyed)).all()), dict((await session.execute(named)).all())


def _labels(categories: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for mapping in categories.get("attributeMappings", []):
        for label in mapping["labels"]:
            yield mapping["attributeType"], label


@dataclass(frozen=True)
class Mapping:
    """What each label says, by the kind of attribute."""

    labels: dict[tuple[str, str], dict[str, Any]]
    names: dict[tuple[str, str], str]

    @classmethod
    def of(cls, categories: dict[str, Any]) -> "Mapping":
        """The mapping that categories describe."""
        labels, names = {}, {}
        for mapping in categories.get("attributeMappings", []):
            for label in mapping["labels"]:
                key = mapping["attributeType"], label["aiLabel"].lower()
                labels[key] = label
                names[key] = str(mapping.get("attributeName") or "")
        return cls(labels, names)

    def find(self, kind: str, label: str) -> dict[str, Any] | None:
        """What a label says of a kind of attribute."""
        return self.labels.get((kind, label.lower()))

    def knows(self, label: str) -> bool:
        """Whether a label says anything."""
        return any((kind, label.lower()) in self.labels for kind in TYPES)
