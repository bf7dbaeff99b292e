"""Random values for arguments and variables: by the type's name, by the argument's name, now and then wrong."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    get_named_type,
    get_nullable_type,
)
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, box
from shapely.geometry import mapping

from app.pagination import Order, cursors
from resolvers import ids
from tests.plan.rows import TEXTS, World

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]
NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
SHAPES = [
    box(12, 46, 12.002, 46.001),
    box(12, 46, 12.001, 46.002),
    box(0, 0, 5, 5),
    Point(12, 46),
    box(12, 99, 13, 100),
]
LABEL = {"type": "Feature", "properties": {"ä": [1, None]}, "geometry": mapping(box(12, 46, 12.0001, 46.0001))}


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


BAD_IDS = ["", "x", "ü", "5", "====", *map(_encoded, ["Dataset:0", "User:-1", "Model:01", "Model:9999", "AOI:"])]
BAD_IDS += map(_encoded, ["Session:1", "Nothing:1", f"Label:{2**63}", "dataset:1", "Dataset:1:1"])
BAD_CURSORS = ["", "x", "ü", "=", *map(_encoded, ["[]", '["NEWEST"]', '["NEWEST",0]', '["NEWEST","1"]', "[1,2,3]"])]
BAD_CURSORS += map(_encoded, ['["NAME",1,1]', '["LAST_MODIFIED",1,"x"]', '["ACCURACY",1,"1"]', f'["OLDEST",{2**63}]'])
IMAGERY = "https://tiles.example.org/{z}/{x}/{y}.png"
STRINGS = {
    "search": ["roofs", "o", "ä", "%", "_", "\\", '"', "'", "", " ", "🏠", "z" * 51],
    "email": ["new@fieldgraph.test", "1@fieldgraph.test", "nobody"],
    "username": ["new", "Ünal", ""],
    "password": ["correct horse battery", "short"],
    "source_imagery": [IMAGERY, "https://tiles.example.org/none.png", "nonsense"],
    "name": ["Roofs", *TEXTS],
}
SCALARS: dict[str, list[Any]] = {
    "String": ["Roofs", *TEXTS],
    "Int": [19, 1, 0, 8, 20, -1, 2**31 - 1],
    "Float": [0.5, 1, -0.5, 1e300, 0],
    "Boolean": [True, False],
    "Decimal": ["1", "0.00000001", "-1", 2, "0", "1e9"],
    "BigInt": [1, 0, -1, 2**53 - 1],
    "JSON": [{"type": "FeatureCollection", "features": [LABEL]}, {}, [], 1, "x", {"a": {"b": [None, 1.5, True, "ü"]}}],
    "Date": ["2020-01-05", "2020-01-01", "0001-01-01", "9999-12-31", "yesterday"],
    "DateTime": ["2020-01-01T00:00:00+00:00", "2020-01-01T00:00:00.5Z", "yesterday"],
    "GeoJSONGeometry": [*map(mapping, SHAPES), mapping(MultiPolygon([SHAPES[0]]))],
    "GeoJSONPolygon": [*map(mapping, SHAPES), {"type": "Polygon"}],
    "GeoJSONPoint": [mapping(Point(1, 2)), mapping(SHAPES[0])],
}
WRONG: list[Any] = [{}, [], "no such thing", 1.5, 2**40, True, None, [[1]]]


@cache
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


@dataclass(frozen=True)
class Hint:
    """The argument's name, the type behind its field, how its list is sorted, and the list's name."""

    name: str = ""
    type_name: str = ""
    order: Order | None = None
    list: str = ""


@dataclass(frozen=True)
class Values:
    """Draws values; the smallest draw is the plainest value, so that failures shrink to plain ones."""

    draw: Draw
    world: World
    is_careless: bool = False

    def chance(self, percent: int) -> bool:
        """Whether something less plain happens this time."""
        return bool(self.draw(_below(100)) >= 100 - percent)

    def pick(self, items: Sequence[T]) -> T:
        """One of them, the first if nothing speaks for another."""
        return items[self.draw(_below(len(items)))] if len(items) > 1 else items[0]

    def of(self, type_: GraphQLInputType, hint: Hint) -> Any:
        """A value as it stands in JSON, null only where that is allowed."""
        if self.is_careless and self.chance(15):
            return self.pick(WRONG)
        if not isinstance(type_, GraphQLNonNull) and self.chance(8):
            return None
        return self._of(get_nullable_type(type_), hint)

    def _of(self, kind: Any, hint: Hint) -> Any:
        if isinstance(kind, GraphQLList):
            if self.chance(10):
                return self.of(kind.of_type, hint)  # a single value is taken for a list of one
            return [self.of(kind.of_type, hint) for _ in range(self.pick([1, 2, 0, 3, 5]))]
        if isinstance(kind, GraphQLEnumType):
            return self.pick(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, hint)
        return self._scalar(kind.name, hint)

    def _object(self, kind: GraphQLInputObjectType, hint: Hint) -> dict[str, Any]:
        made = {}
        for name, field in kind.fields.items():
            is_required = isinstance(field.type, GraphQLNonNull) and field.default_value is Undefined
            if is_required or self.chance(20):
                made[name] = self.of(field.type, Hint(name, hint.type_name))
        return made

    def _scalar(self, name: str, hint: Hint) -> Any:
        if name == "ID":
            return self.id(hint)
        if hint.name in {"after", "before"}:
            return self.cursor(hint)
        if name == "String" and re.sub("([A-Z])", r"_\1", hint.name).lower() in STRINGS:
            return self.pick(STRINGS[re.sub("([A-Z])", r"_\1", hint.name).lower()])
        return self.pick(SCALARS.get(name, WRONG))

    def id(self, hint: Hint) -> str:
        """The id of a row of the type meant, of another type, or of nothing."""
        if self.chance(4):
            return self.pick(BAD_IDS)
        meant = re.sub("Ids?$", "", hint.name).lower()
        shown = [name for name, rows in self.world.rows.items() if rows]
        types = [name for name in shown if name.lower() == meant] or [name for name in shown if name == hint.type_name]
        if not types or self.chance(5):
            types = shown
        return ids.encode(self.pick(self.world.rows[self.pick(types)]))

    def cursor(self, hint: Hint) -> str:
        """A place in the list meant, now and then in another one or in none."""
        rows = self.world.rows.get(hint.type_name)
        if not rows or hint.order is None or self.chance(10):
            return self.pick(BAD_CURSORS)
        order = self.pick(list(type(hint.order))) if self.chance(5) else hint.order
        row = self.pick(rows)
        return cursors(order, hint.list)(row.id, getattr(row, order.column))


def literal(type_: GraphQLInputType | None, value: Any) -> str:
    """The value as it is written in a document; without a type, as a literal of a scalar that takes anything."""
    kind = get_nullable_type(type_) if type_ else None
    if isinstance(value, list | tuple):
        item = kind.of_type if isinstance(kind, GraphQLList) else kind
        return f"[{', '.join(literal(item, each) for each in value)}]"
    if isinstance(value, dict):
        fields = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
        pairs = [f"{key}: {literal(fields[key].type if key in fields else None, each)}" for key, each in value.items()]
        return f"{{{', '.join(pairs)}}}"
    if (
        isinstance(value, str)
        and type_
        and isinstance(get_named_type(type_), GraphQLEnumType)
        and NAME.fullmatch(value)
    ):
        return value
    return json.dumps(value, ensure_ascii=False)


def can_be_written(value: Any) -> bool:
    """Whether the value has a literal at all: an object's keys have to be names."""
    if isinstance(value, dict):
        return all(NAME.fullmatch(key) and can_be_written(each) for key, each in value.items())
    return all(map(can_be_written, value)) if isinstance(value, list | tuple) else True
