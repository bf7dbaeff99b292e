"""What labels of detectors and classifiers mean: a type of observation, and names of a taxon."""

from typing import NamedTuple

TYPES = {
    "animal": "animal",
    "person": "human",
    "human": "human",
    "homo sapiens": "human",
    "vehicle": "vehicle",
    "blank": "blank",
    "empty": "blank",
    "unknown": "unknown",
    "no cv result": "unknown",
    "unidentifiable": "unknown",
}
PARTS = 7
EMPTY = frozenset({"empty"})


class Meaning(NamedTuple):
    """What a label says, with names of a taxon to look for, the most exact first."""

    type: str
    names: list[str]
    # The id of the class in the taxonomy of Wildlife Insights.
    uuid: str | None = None


def detected(label: str) -> str | None:
    """The type of observation of a detector's label; None if it is not known."""
    return TYPES.get(label.strip().lower())


def classified(label: str, description: str | None = None) -> Meaning:
    """What the label of a classifier means, by its description of seven parts if it has one."""
    parts = (description or label).split(";")
    if len(parts) == PARTS:
        return _of_parts([part.strip() for part in parts])
    plain = label.strip()
    return Meaning(TYPES.get(plain.lower(), "animal"), [] if plain.lower() in TYPES else [plain])


def _of_parts(parts: list[str]) -> Meaning:
    uuid, group, order, family, genus, species, common = parts
    known = TYPES.get(common.lower())
    if known is not None and (known != "animal" or not group):
        return Meaning(known, ["Homo sapiens"] if genus.lower() == "homo" else [], uuid or None)
    names = [f"{genus.capitalize()} {species.lower()}"] if genus and species else []
    names += [name.capitalize() for name in (genus, family, order, group) if name][: 0 if names else 1]
    return Meaning("animal", names + ([common] if common else []), uuid or None)
