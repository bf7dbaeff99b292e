"""What is left out of a file of labels: counted, and named by a few examples."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from app.errors import Invalid
from app.limits.mapping import EXAMPLES_MAX


class SkipReason(Enum):
    """Why a feature of a file did not become a label.

    NO_GEOMETRY: It has no geometry, or an empty one.
    NOT_A_POLYGON: It is a point or a line.
    INVALID_GEOMETRY: Its coordinates form no shape, or it has no area.
    OUT_OF_BOUNDS: It is not on the mapped earth.
    TOO_LARGE: It has too many vertices, or its properties take too many bytes.
    NOT_A_FEATURE: It is something else.
    INVALID_PROPERTIES: Its properties are no JSON object.
    MISSING_NODES: The file lacks nodes of its way.
    MISSING_MEMBERS: The file lacks ways of its relation.
    OPEN_RING: Its outline is not closed.
    ABSENT: Its tag says that there is none, such as building=no.
    DUPLICATE: It is in the file twice, or in the area already.
    """

    NO_GEOMETRY = "NO_GEOMETRY"
    NOT_A_POLYGON = "NOT_A_POLYGON"
    INVALID_GEOMETRY = "INVALID_GEOMETRY"
    OUT_OF_BOUNDS = "OUT_OF_BOUNDS"
    TOO_LARGE = "TOO_LARGE"
    NOT_A_FEATURE = "NOT_A_FEATURE"
    INVALID_PROPERTIES = "INVALID_PROPERTIES"
    MISSING_NODES = "MISSING_NODES"
    MISSING_MEMBERS = "MISSING_MEMBERS"
    OPEN_RING = "OPEN_RING"
    ABSENT = "ABSENT"
    DUPLICATE = "DUPLICATE"


class Skip(NamedTuple):
    """One feature that cannot be used: where it is in its file, a sentence that says why, and which part is wrong."""

    place: str
    reason: SkipReason
    message: str
    part: str | None = None


@dataclass(frozen=True)
class Skipped:
    """How many features were left out for one reason, with some of their places."""

    reason: SkipReason
    count: int
    examples: list[str]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"reason": self.reason.value, "count": self.count, "examples": self.examples}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Skipped":
        """From JSON."""
        return cls(SkipReason(plain["reason"]), plain["count"], plain["examples"])


class Skips:
    """Counts what is left out; the first is an error if the file must be used whole."""

    def __init__(self, field: str, *, is_strict: bool) -> None:
        self.first: Skip | None = None
        self._field = field
        self._is_strict = is_strict
        self._counts: Counter[SkipReason] = Counter()
        self._examples: defaultdict[SkipReason, list[str]] = defaultdict(list)

    def add(self, skip: Skip) -> None:
        """Count one more."""
        if self.first is None:
            self.first = skip
        if self._is_strict:
            raise self.error(skip)
        self._counts[skip.reason] += 1
        if len(examples := self._examples[skip.reason]) < EXAMPLES_MAX:
            examples.append(skip.place)

    def check_any_left(self, count: int) -> None:
        """Passes if something of the file can be used; otherwise says what is wrong with the first feature."""
        if count:
            return
        if self.first is None:
            raise Invalid(self._field, "There are no labels in this file.")
        raise self.error(self.first)

    def error(self, skip: Skip) -> Invalid:
        """What is wrong with a feature, as an error of it."""
        place = skip.place if skip.part is None else f"{skip.place}.{skip.part}"
        return Invalid(f"{self._field}.{place}", skip.message)

    def report(self) -> list[Skipped]:
        """Each reason with its count and examples, the most frequent first."""
        return [Skipped(reason, count, self._examples[reason]) for reason, count in self._counts.most_common()]


def with_duplicates(skipped: Sequence[Skipped], places: Sequence[str]) -> list[Skipped]:
    """What was skipped, and also what turned out to be there already."""
    if not places:
        return list(skipped)
    others = [each for each in skipped if each.reason is not SkipReason.DUPLICATE]
    before = next(
        (each for each in skipped if each.reason is SkipReason.DUPLICATE), Skipped(SkipReason.DUPLICATE, 0, [])
    )
    examples = [*before.examples, *places][:EXAMPLES_MAX]
    return [*others, Skipped(SkipReason.DUPLICATE, before.count + len(places), examples)]
