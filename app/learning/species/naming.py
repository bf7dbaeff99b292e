"""What a crop is called: the lowest rank that is sure enough, in the light of what else its event shows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.learning.species.head import Floats

CONFIDENCE_MIN = 0.65
# An event's own label takes over crops that are less sure than this, and only if so much of the event agrees.
SMOOTHED_BELOW = 0.8
AGREED_SHARE = 2 / 3
ANIMAL = "animal"


@dataclass(frozen=True)
class Name:
    """A label, its rank, and the classifier's first answer."""

    key: str | None
    name: str
    rank: str
    confidence: float
    raw_key: str
    raw_name: str
    raw_confidence: float
    is_smoothed: bool = False


def named(odds: Floats, classes: Sequence[dict[str, Any]], *, confidence_min: float = CONFIDENCE_MIN) -> list[Name]:
    """Each crop's name: probabilities of classes add up in the taxa that they share, until they are enough."""
    return [_named(row, classes, confidence_min) for row in odds]


def _named(odds: Floats, classes: Sequence[dict[str, Any]], confidence_min: float) -> Name:
    best = int(odds.argmax())
    sure, raw = float(odds[best]), classes[best]
    name = {"key": raw["key"], "name": raw["name"], "rank": raw["rank"]}
    if sure < confidence_min:
        for taxon in raw["lineage"]:
            shared = [number for number, each in enumerate(classes) if _is_below(each, taxon)]
            sure, name = float(odds[shared].sum()), taxon
            if sure >= confidence_min:
                break
        else:
            sure, name = 1.0, {"key": None, "name": ANIMAL, "rank": "kingdom"}
    sure = round(min(sure, 1.0), 4)
    raw_sure = round(float(odds[best]), 4)
    return Name(name["key"], name["name"], name["rank"], sure, raw["key"], raw["name"], raw_sure)


def _is_below(each: dict[str, Any], taxon: dict[str, Any]) -> bool:
    own = {"name": each["name"], "rank": each["rank"]}
    return any((above["name"], above["rank"]) == (taxon["name"], taxon["rank"]) for above in (own, *each["lineage"]))


def smoothed(names: Sequence[Name], events: Sequence[str]) -> list[Name]:
    """Unsure crops take the name that most of their event has; sure ones keep theirs: an event may show two species."""
    fellows: dict[str, dict[str, list[Name]]] = defaultdict(lambda: defaultdict(list))
    for name, event in zip(names, events, strict=True):
        if name.name != ANIMAL:
            fellows[event][name.name].append(name)
    return [_smoothed(name, fellows[event]) for name, event in zip(names, events, strict=True)]


def _smoothed(name: Name, event: Mapping[str, Sequence[Name]]) -> Name:
    if not event or (name.confidence >= SMOOTHED_BELOW and name.name != ANIMAL):
        return name
    weights = {called: sum(each.confidence for each in its) for called, its in event.items()}
    called = max(weights, key=weights.__getitem__)
    if called == name.name or weights[called] < AGREED_SHARE * sum(weights.values()):
        return name
    like = event[called][0]
    sure = round(weights[called] / len(event[called]), 4)
    return replace(name, key=like.key, name=called, rank=like.rank, confidence=sure, is_smoothed=True)
