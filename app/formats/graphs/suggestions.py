"""Graphs that suit a table, by the datatypes and the roles of its columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.tabular.choices import GraphType
from app.tabular.datatypes import Datatype, Role

LABELS_MAX = 24
SUGGESTED_MAX = 8


@dataclass(frozen=True)
class Described:
    """What is known of a column before its values are read."""

    name: str
    datatype: Datatype
    role: Role
    distinct: int | None = None

    @property
    def is_group(self) -> bool:
        """Whether its values make groups that a person tells apart."""
        return self.datatype is Datatype.LABEL and (self.distinct is None or 2 <= self.distinct <= LABELS_MAX)


@dataclass(frozen=True)
class Suggested:
    """A graph that may be made, and why."""

    graph_type: GraphType
    reason: str
    slots: dict[str, str] = field(default_factory=dict)


def suggest(columns: Sequence[Described]) -> list[Suggested]:
    """The graphs, those of the first output first: how it is spread, and what each input has to do with it."""
    used = [each for each in columns if each.role is not Role.IGNORE]
    output = next((each for each in used if each.role is Role.OUTPUT and each.datatype in _DRAWN), None)
    inputs = [each for each in used if each is not output]
    if output is None:
        return []
    numbers = [each for each in inputs if each.datatype is Datatype.FLOAT and each.distinct != 1]
    groups = [each for each in inputs if each.is_group]
    dates = [each for each in inputs if each.datatype in {Datatype.DATE, Datatype.DATETIME}]
    make = _of_number if output.datatype is Datatype.FLOAT else _of_label
    return list(make(output.name, numbers, groups, dates))[:SUGGESTED_MAX]


_DRAWN = frozenset({Datatype.FLOAT, Datatype.LABEL})


def _of_number(
    output: str, numbers: Sequence[Described], groups: Sequence[Described], dates: Sequence[Described]
) -> Iterator[Suggested]:
    colour = {"color": groups[0].name} if groups else {}
    yield Suggested(GraphType.STACKED_HISTOGRAM, "How the output is spread.", {"x": output, **colour})
    for date in dates[:1]:
        yield Suggested(GraphType.TIMESERIES, "The output over time.", {"x": date.name, "y": output})
    for number in numbers[:2]:
        yield Suggested(GraphType.LINEAR_REGRESSION, "The output by a number.", {"x": number.name, "y": output})
    for group in groups[:2]:
        yield Suggested(GraphType.GROUPED_BOXPLOTS, "The output by a label.", {"x": group.name, "y": output})
    if len(numbers) > 1:
        slots = {"x": numbers[0].name, "y": numbers[1].name, "color": output}
        yield Suggested(GraphType.CONTINUOUS_SCATTERPLOT, "The output over two numbers.", slots)
        slots = {"x": numbers[0].name, "y": numbers[1].name, "z": output}
        yield Suggested(GraphType.HEXBIN, "The output over two numbers, where most lines are.", slots)
    if len(groups) > 1:
        slots = {"x": groups[0].name, "y": output, "color": groups[1].name}
        yield Suggested(GraphType.THREE_WAY_ANOVA, "The output by two labels together.", slots)


def _of_label(
    output: str, numbers: Sequence[Described], groups: Sequence[Described], dates: Sequence[Described]
) -> Iterator[Suggested]:
    yield Suggested(GraphType.HORIZONTAL_BARS, "How often each label of the output occurs.", {"y": output})
    for number in numbers[:2]:
        slots = {"x": output, "y": number.name}
        yield Suggested(GraphType.GROUPED_BOXPLOTS, "A number by the labels of the output.", slots)
    if len(numbers) > 1:
        slots = {"x": numbers[0].name, "y": numbers[1].name, "color": output}
        yield Suggested(GraphType.SCATTERPLOT, "Two numbers, coloured by the output.", slots)
    for column in (*groups[:2], *dates[:1]):
        slots = {"x": column.name, "color": output}
        yield Suggested(GraphType.STACKED_HISTOGRAM, "The labels of the output over a column.", slots)
    for group in groups[:1] if numbers else ():
        slots = {"x": output, "y": numbers[0].name, "color": group.name}
        yield Suggested(GraphType.GROUPED_VIOLINPLOTS, "A number by the output and a label.", slots)
