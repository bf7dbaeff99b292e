"""Random valid operations over whatever the schema declares: nothing of it is listed here by name."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLNonNull,
    OperationType,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_union_type,
)
from graphql.utilities import do_types_overlap
from hypothesis import strategies as st

from app.pagination import Order
from app.settings import settings
from resolvers.plan.declared import METADATA, Paged
from schema import schema
from tests.plan.rows import World
from tests.plan.shapes import Call, Shape, fits, merge
from tests.plan.values import Draw, Hint, Values, can_be_written, literal

CORE = schema._schema
# How many objects one operation may ask for. Beyond the limit of cost both ways refuse alike, which shows little.
OBJECTS_MAX = 1_500
SIZES = [2, 3, 5, 1, 10, 25, 0, 40, 100]
WRONG_SIZES = [-1, 101, 1001]
ALIASES = ["a", "b", "id", "name", "nodes", "user", "_"]
ORDERS = {order.__name__: order for order in Order.__subclasses__()}


@dataclass(frozen=True)
class Operation:
    """A document with what is sent beside it."""

    document: str
    variables: dict[str, Any]
    name: str | None = None

    def request(self) -> dict[str, Any]:
        """The body of the request."""
        return {"query": self.document, "variables": self.variables, "operationName": self.name}


@dataclass(frozen=True)
class Room:
    """How deep, and how many objects of the kind asked for, a selection may still go."""

    depth: int
    objects: int

    def below(self, size: int) -> "Room":
        """What is left under a field that gives so many objects."""
        return Room(self.depth - 1, self.objects // max(1, size))

    def holds(self, other: "Room") -> bool:
        """Whether what was written for the other may stand here."""
        return self.depth >= other.depth and self.objects >= other.objects


@dataclass(frozen=True)
class Fragment:
    """A named fragment, once it is whole."""

    on: GraphQLNamedType
    text: str
    shape: Shape
    uses: frozenset[str]
    room: Room


@dataclass(frozen=True)
class Variable:
    """A variable, and the type it is declared with."""

    type_name: str
    default: str | None


@cache
def _fields(parent: GraphQLNamedType) -> dict[str, GraphQLField]:
    """What may be asked of a type, its plainest fields first."""
    found = dict(getattr(parent, "fields", {}))
    if parent is CORE.query_type:
        del found["rateLimit"]  # what is left to spend is less for whoever asks second
    if parent is CORE.query_type:
        found |= {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
    if parent is not CORE.subscription_type:
        found["__typename"] = TypeNameMetaFieldDef
    return found


@cache
def _meeting(parent: GraphQLNamedType) -> list[GraphQLNamedType]:
    """The types that a fragment within this one may be on, itself first."""
    composite = [found for found in CORE.type_map.values() if is_composite_type(found)]
    return [parent, *(found for found in composite if found is not parent and do_types_overlap(CORE, found, parent))]


@cache
def _ways(kind: OperationType) -> dict[str, dict[str, int]]:
    """How far each type is from each that can be reached: so that operations find the way to the remotest, too."""
    reached = [CORE.get_root_type(kind)]
    for found in reached:
        below = [get_named_type(each.type) for name, each in _fields(found).items() if not name.startswith("__")]
        if is_abstract_type(found):
            below += CORE.get_possible_types(found)
        reached += [each for each in dict.fromkeys(below) if is_composite_type(each) and each not in reached]
    above: dict[str, list[str]] = defaultdict(list)
    for found in reached:
        for name in {get_named_type(each.type).name for each in _fields(found).values()}:
            above[name].append(found.name)
    ways = {}
    for goal in reached[1:]:
        way, nearest = {goal.name: 0}, [goal.name]
        for name in nearest:
            new = [each for each in above[name] if each not in way]
            way |= dict.fromkeys(new, way[name] + 1)
            nearest += new
        ways[goal.name] = way
    return ways


def _is_required(argument: GraphQLArgument) -> bool:
    return isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined


@st.composite
def operations(draw: Draw, world: World, kind: OperationType = OperationType.QUERY) -> Operation:
    """A document with one operation, or with several of which one is meant."""
    is_careless = Values(draw, world).chance(5)
    return _Writer(Values(draw, world, is_careless), kind).operation()


class _Writer:
    """Writes one document. Fragments and variables come into being where they are first needed."""

    def __init__(self, values: Values, kind: OperationType) -> None:
        self.values = values
        self.kind = kind
        self.fields_left = values.pick([30, 15, 60, 8, 100])
        self.goal = values.pick(list(_ways(kind)))
        self.fragments: dict[str, Fragment] = {}
        self.variables: dict[str, Variable] = {}
        self.given: dict[str, Any] = {}
        self.calls: dict[str, tuple[str, str]] = {}
        self.uses: set[str] = set()

    def operation(self) -> Operation:
        names = ["A", "B"] if self.kind is OperationType.QUERY and self.values.chance(5) else ["A"]
        texts = []
        reached: set[str] = set()
        for name in names:
            self.uses = set()
            selected = self._selection_set(CORE.get_root_type(self.kind), {}, self._room())
            used = self._reached()
            declared = [
                f"{key}: {found.type_name}" + ("" if found.default is None else f" = {found.default}")
                for key, found in self.variables.items()
                if key in used
            ]
            head = f"{self.kind.value} {name}" + (f"({', '.join(declared)})" if declared else "")
            texts.append(f"{head} {selected}")
            reached |= used
        texts += [found.text for name, found in self.fragments.items() if name in reached]
        if self.values.chance(30):
            texts.reverse()
        meant = self.values.pick(names) if len(names) > 1 or self.values.chance(20) else None
        return Operation("\n".join(texts), self.given, meant)

    def _room(self) -> Room:
        return Room(self.values.pick([5, 4, 7, 9, 3]), OBJECTS_MAX)

    def _reached(self) -> set[str]:
        reached = set(self.uses)
        for name in reversed(self.fragments):  # a fragment uses only those that were whole before it
            if name in reached:
                reached |= self.fragments[name].uses
        return reached

    def _selection_set(self, parent: GraphQLNamedType, shape: Shape, room: Room) -> str:
        """A selection, never empty; `shape` is what the same object is asked for elsewhere."""
        if parent is CORE.subscription_type:
            return f"{{ {self._field(parent, shape, room)} }}"
        ways = [self._field] * 14 + [self._inline] * (8 if is_abstract_type(parent) else 2) + [self._spread] * 2
        lines = [self.values.pick(ways)(parent, shape, room)]
        # One change that fails takes the answers of the others with it.
        is_alone = parent is CORE.mutation_type and not self.values.chance(20)
        for _ in range(0 if is_alone else self.values.pick([0, 1, 2, 3, 4, 5])):
            if self.fields_left <= 0:
                break
            lines.append(self.values.pick(ways)(parent, shape, room))
        return "{ " + " ".join(lines) + " }"

    def _field(self, parent: GraphQLNamedType, shape: Shape, room: Room) -> str:
        key = self._known_key(parent, shape) or self._new_key(parent, shape, room)
        call = shape[key]
        self.uses |= call.uses
        self.fields_left -= 1
        head = (call.field if key == call.field else f"{key}: {call.field}") + call.arguments
        head += "" if parent is CORE.subscription_type else self._directives()
        answer = get_named_type(_fields(parent)[call.field].type)
        if not is_composite_type(answer):
            return head
        return f"{head} {self._selection_set(answer, call.shape, room.below(call.size))}"

    def _known_key(self, parent: GraphQLNamedType, shape: Shape) -> str | None:
        """Now and then a key that the object is asked for already, so that the two are merged."""
        known = [
            key
            for key, call in shape.items()
            if call.field in _fields(parent) and str(_fields(parent)[call.field].type) == call.type_name
        ]
        return self.values.pick(known) if known and self.values.chance(15) else None

    def _new_key(self, parent: GraphQLNamedType, shape: Shape, room: Room) -> str:
        name, found = self._choice(parent, room)
        outer, self.uses = self.uses, set()
        arguments, size = self._arguments(found, room)
        call = Call(name, arguments, str(found.type), size, frozenset(self.uses))
        self.uses = outer
        wishes = [name] if self.values.chance(75) else [self.values.pick(ALIASES)]
        for key in [*wishes, f"k{len(self.calls)}"]:
            means_the_same = self.calls.setdefault(key, (name, arguments)) == (name, arguments)
            if means_the_same and fits({key: call}, shape):
                shape.setdefault(key, call)
                return key
        raise AssertionError("a new key contradicts nothing")

    def _choice(self, parent: GraphQLNamedType, room: Room) -> tuple[str, GraphQLField]:
        """A field; near the end of the room one without a selection, if the type has any."""
        found = list(_fields(parent).items())
        leaves = [(name, each) for name, each in found if not is_composite_type(get_named_type(each.type))]
        is_end = room.depth <= 1 or room.objects < 1 or self.fields_left <= 0
        if is_end and leaves:
            return self.values.pick(leaves)
        branches = [each for each in found if each not in leaves]
        if parent is CORE.query_type:
            about_itself = [each for each in branches if each[0].startswith("__")]
            branches = about_itself if self.values.chance(3) else branches[: -len(about_itself)]
        elif branches and self.values.chance(40):
            way = _ways(self.kind)[self.goal]
            nearest = min(way.get(get_named_type(each.type).name, len(way)) for _, each in branches)
            branches = [each for each in branches if way.get(get_named_type(each[1].type).name, len(way)) == nearest]
        is_root = parent in {CORE.query_type, CORE.mutation_type}
        return self.values.pick(branches if branches and self.values.chance(95 if is_root else 55) else found)

    def _arguments(self, found: GraphQLField, room: Room) -> tuple[str, int]:
        """The arguments as they are written, and how many objects they ask for at most."""
        answer = get_named_type(found.type)
        order_name, order = self._order(found)
        written = [] if order_name is None else [f"orderBy: {order_name}"]
        size = 1
        for name, argument in found.args.items():
            if name == "orderBy" or (name == "last" and "first" in found.args):
                continue
            if name == "first":
                size, text = self._size(argument, room)
                end = self._end(found)
                written += [f"{end}: {text}"] if text else []
                if end == "last" and text and self.values.chance(2):
                    written.append("first: 1")  # both at once are refused
            elif _is_required(argument) or self.values.chance(20):
                made = answer.types[0] if is_union_type(answer) else answer
                hint = Hint(name, made.name.removesuffix("Connection"), order, list_name(found))
                value = self.values.of(argument.type, hint)
                if is_list_type(getattr(argument.type, "of_type", None)) and isinstance(value, list):
                    size = max(1, len(value))
                written.append(f"{name}: {self._written(argument.type, value, argument.default_value)}")
        if self.values.chance(20):
            written.reverse()
        return (f"({', '.join(written)})" if written else ""), size

    def _order(self, found: GraphQLField) -> tuple[str | None, Order | None]:
        if "orderBy" not in found.args:
            return None, None
        argument = found.args["orderBy"]
        members = list(ORDERS[get_named_type(argument.type).name])
        if not self.values.chance(50):
            return None, members[0]
        member = self.values.pick(members)
        return self._written(argument.type, member.name, argument.default_value), member

    def _end(self, found: GraphQLField) -> str:
        """From which end a page is read."""
        return "last" if "last" in found.args and self.values.chance(30) else "first"

    def _size(self, argument: GraphQLArgument, room: Room) -> tuple[int, str | None]:
        default = settings.page_size if argument.default_value is None else argument.default_value
        if room.objects >= default and self.values.chance(25):
            return default, None
        sizes = [size for size in SIZES if size <= max(1, room.objects)]
        if self.values.chance(2):
            sizes = [size for size in WRONG_SIZES if size <= room.objects]
        size = self.values.pick(sizes)
        return max(1, size), self._written(argument.type, size, argument.default_value)

    def _written(self, type_: GraphQLInputType, value: Any, default: Any = Undefined) -> str:
        """The value as a literal, or as a variable that holds it."""
        if can_be_written(value) and not self.values.chance(35):
            return literal(type_, value)
        is_nullable = not isinstance(type_, GraphQLNonNull)
        type_name = str(type_)
        if is_nullable and value is not None and self.values.chance(20):
            type_name += "!"
        elif default is not Undefined and not is_nullable and self.values.chance(30):
            type_name = type_name.removesuffix("!")  # where the argument has a default, so that it may be left out
        return self._variable(type_, type_name, value)

    def _variable(self, type_: GraphQLInputType, type_name: str, value: Any) -> str:
        same = [key for key, found in self.variables.items() if found.type_name == type_name]
        key = self.values.pick(same) if same and self.values.chance(25) else f"$v{len(self.variables)}"
        if key not in self.variables:
            default = None
            if can_be_written(value) and value is not None and self.values.chance(30):
                default = literal(type_, value)
            self.variables[key] = Variable(type_name, default)
            may_miss = default is not None or not type_name.endswith("!")
            if not (may_miss and self.values.chance(40)):
                self.given[key[1:]] = value
            elif not type_name.endswith("!") and self.values.chance(20):
                self.given[key[1:]] = None
        self.uses.add(key)
        return key

    def _directives(self) -> str:
        written = ""
        for name, usual in (("include", True), ("skip", False)):
            if self.values.chance(6):
                value = usual if self.values.chance(50) else not usual
                condition = CORE.get_directive(name).args["if"].type
                written += f" @{name}(if: {self._written(condition, value)})"
        return written

    def _inline(self, parent: GraphQLNamedType, shape: Shape, room: Room) -> str:
        if self.fields_left <= 0:
            return self._field(parent, shape, room)
        on = self._condition(parent) if self.values.chance(80) else None
        head = f"... on {on}" if on else "..."
        return f"{head}{self._directives()} {self._selection_set(on or parent, shape, room)}"

    def _condition(self, parent: GraphQLNamedType) -> GraphQLNamedType:
        """A type for a fragment: mostly one that has something to ask for."""
        found = _meeting(parent)
        if self.values.chance(20):
            return self.values.pick(found)
        plain = [each for each in found if not is_abstract_type(each)]
        return plain[0] if is_union_type(parent) and self.values.chance(50) else self.values.pick(plain)

    def _spread(self, parent: GraphQLNamedType, shape: Shape, room: Room) -> str:
        if self.fields_left <= 0:
            return self._field(parent, shape, room)
        known = [
            name
            for name, found in self.fragments.items()
            if found.on in _meeting(parent) and room.holds(found.room) and fits(found.shape, shape)
        ]
        name = self.values.pick(known) if known and self.values.chance(60) else self._fragment(parent, room)
        fragment = self.fragments[name]
        if not fits(fragment.shape, shape):
            return self._field(parent, shape, room)
        merge(shape, fragment.shape)
        self.uses.add(name)
        return f"...{name}{self._directives()}"

    def _fragment(self, parent: GraphQLNamedType, room: Room) -> str:
        on = self._condition(parent)
        outer, self.uses = self.uses, set()
        shape: Shape = {}
        selected = self._selection_set(on, shape, room)
        name = f"F{len(self.fragments)}"
        text = f"fragment {name} on {on} {selected}"
        self.fragments[name] = Fragment(on, text, shape, frozenset(self.uses), room)
        self.uses = outer
        return name


def list_name(field: GraphQLField) -> str:
    """What tells a page's list from others in its cursors."""
    definition = field.extensions.get("strawberry-definition")  # introspection has none
    declared = definition and definition.metadata.get(METADATA)
    return declared.list_name if isinstance(declared, Paged) else ""
