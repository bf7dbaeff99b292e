"""The types of graphs: which columns each takes, and what these must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.errors import quoted
from app.tabular.choices import GraphType
from app.tabular.datatypes import Datatype

SLOTS = ("x", "y", "z", "size", "style", "color", "col", "row", "animation_frame")
"""What a graph may name columns for, as its arguments are called."""
MEASURED = frozenset({Datatype.FLOAT, Datatype.DATE, Datatype.DATETIME, Datatype.TIME, Datatype.LANGUAGE})
"""Columns with a number for each value: texts are measured by their length."""
GROUPING = frozenset({Datatype.FLOAT, Datatype.DATE, Datatype.DATETIME, Datatype.TIME, Datatype.LABEL})
FLOATS = frozenset({Datatype.FLOAT, Datatype.LANGUAGE})
HOLDS = {
    Datatype.LABEL: "labels",
    Datatype.LANGUAGE: "texts",
    Datatype.JSON: "JSON",
    Datatype.IGNORE: "nothing that is kept",
    Datatype.DATE: "dates",
    Datatype.DATETIME: "dates",
    Datatype.TIME: "times of day",
    Datatype.FLOAT: "numbers",
}
PANELS = ("col", "row")


@dataclass(frozen=True)
class Kind:
    """What a type takes. Slots that are neither numbers nor measured are groups; `any` takes both."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    floats: frozenset[str] = field(default_factory=frozenset)
    measured: frozenset[str] = field(default_factory=frozenset)
    either: frozenset[str] = field(default_factory=frozenset)

    @property
    def slots(self) -> tuple[str, ...]:
        """All that it takes."""
        return self.required + self.optional

    def wants(self, slot: str) -> tuple[frozenset[Datatype], str]:
        """The datatypes that a slot takes, and what these are in words."""
        if slot in self.floats:
            return FLOATS, "numbers, or texts, which are measured by their length"
        if slot in self.measured:
            return MEASURED, "numbers, dates, times, or texts, which are measured by their length"
        if slot in self.either:
            return MEASURED | GROUPING, "numbers, dates, times, labels or texts"
        return GROUPING, "labels, numbers, dates or times"


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


FACETS = (*PANELS, "animation_frame")
KINDS = {
    GraphType.SCATTERPLOT: Kind(
        ("x", "y"), ("size", "style", "color", *FACETS), measured=_set("size"), either=_set("x", "y")
    ),
    GraphType.TIMESERIES: Kind(("x", "y"), ("style", "color", *FACETS), floats=_set("y"), either=_set("x")),
    GraphType.HEXBIN: Kind(("x", "y"), ("z",), floats=_set("z"), measured=_set("x", "y")),
    GraphType.STACKED_HISTOGRAM: Kind(("x",), ("color", *FACETS), either=_set("x")),
    GraphType.BIVARIATE: Kind(("x", "y"), ("color",), measured=_set("x", "y")),
    GraphType.CONTINUOUS_SCATTERPLOT: Kind(
        ("x", "y", "color"), ("size", "style", *FACETS), measured=_set("color", "size"), either=_set("x", "y")
    ),
    GraphType.LINEAR_REGRESSION: Kind(("x", "y"), ("color",), floats=_set("y"), measured=_set("x")),
    GraphType.GROUPED_BOXPLOTS: Kind(("x", "y"), ("color", *FACETS), floats=_set("y")),
    GraphType.GROUPED_VIOLINPLOTS: Kind(("x", "y"), ("color", *FACETS), floats=_set("y")),
    GraphType.THREE_WAY_ANOVA: Kind(("x", "y"), ("color", *FACETS), floats=_set("y")),
    GraphType.LARGE_DISTRIBUTIONS: Kind(("y",), ("x", *FACETS), floats=_set("y")),
    GraphType.HORIZONTAL_BOXPLOT: Kind(("x", "y"), ("color", *FACETS), floats=_set("x")),
    GraphType.HORIZONTAL_BARS: Kind(("y",), ("x", "color", *FACETS), floats=_set("x")),
}


class Wrong(NamedTuple):
    """What does not fit: the slot, and a sentence."""

    slot: str
    message: str


def check(graph_type: GraphType, named: Mapping[str, str | None], datatypes: Mapping[str, Datatype]) -> Wrong | None:
    """What is wrong with the columns that a graph names; None if it can be drawn."""
    kind = KINDS[graph_type]
    for slot in SLOTS:
        name = named.get(slot)
        if name is None:
            if slot in kind.required:
                return Wrong(slot, f"A {graph_type.value} needs this column. Name one.")
            continue
        if slot not in kind.slots:
            return Wrong(slot, f"A {graph_type.value} has no use for this column. Leave it out.")
        datatype = datatypes.get(name)
        if datatype is None:
            return Wrong(slot, f"This machine has no column {quoted(name)}. Name columns as the machine does.")
        taken, in_words = kind.wants(slot)
        if datatype not in taken:
            return Wrong(slot, f"The column {quoted(name)} holds {HOLDS[datatype]}; here {in_words} are needed.")
    return None
