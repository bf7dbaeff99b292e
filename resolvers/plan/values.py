"""Values that Python has in hand: attributes of objects, and what resolvers answer.

Scalars are completed here as graphql-core would. Objects become *tokens*, a level and a place in it, and are shown when
that level has been fetched.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLOutputType,
    Undefined,
    VariableValues,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.types.fields.resolver import StrawberryResolver

from app.errors import Unplanned
from resolvers.plan.arguments import Arguments

if TYPE_CHECKING:
    from resolvers.plan.levels import Level
    from resolvers.plan.run import PlanRun

Complete = Callable[[Any, "PlanRun", "Value"], Any]


class Info:
    """What resolvers may read of Strawberry's `info`: the context."""

    __slots__ = ("context",)

    def __init__(self, context: Any) -> None:
        self.context = context

    def __getattr__(self, name: str) -> Any:
        raise Unplanned(f"a resolver reads info.{name}")


class Value:
    """A field whose value is computed from its object, or for a root field from nothing."""

    def __init__(
        self,
        shown_as: GraphQLOutputType,
        *,
        attribute: str = "",
        resolver: StrawberryResolver[Any] | None = None,
        arguments: Arguments | None = None,
        make_level: "Callable[[str, bool], Level] | None" = None,
    ) -> None:
        self.shown_as = shown_as
        self.attribute = attribute
        self.resolver = resolver
        self.may_be_null = not is_non_null_type(shown_as) and not is_list_type(shown_as)
        self.complete = completion(shown_as)
        self.levels: dict[tuple[str, bool], Level] = {}
        """The levels that show its objects, as far as such have come: by their type, and whether they are fetched."""
        self.may_name_row = resolver is not None
        """Whether its resolver may be one that does nothing but name a row."""
        self._make_level = make_level
        self._arguments = arguments
        self._is_async = resolver is not None and resolver.is_async
        if resolver is not None:
            self._function: Any = resolver.wrapped_func
            owner = resolver.parent_parameter or resolver.root_parameter
            self._owner = owner.name if owner else None
            self._no_owner = {self._owner: None} if self._owner else {}
            self._info = resolver.info_parameter.name if resolver.info_parameter else None

    def level(self, name: str, *, is_reference: bool) -> "Level":
        """The level that shows objects of a type: rows to be fetched, or objects in hand."""
        key = (name, is_reference)
        if key not in self.levels:
            assert self._make_level, "only objects are shown by levels"
            self.levels[key] = self._make_level(name, is_reference)
        return self.levels[key]

    def resolve_now(self, info: Info, variables: VariableValues) -> Any:
        """The value of a root field whose resolver waits for nothing; raises Unplanned if it would."""
        value = self._function(**self._given(info, variables), **self._no_owner)
        if not self._is_async:
            return value
        try:
            value.send(None)
        except StopIteration as done:
            return done.value
        value.close()
        raise Unplanned("a resolver waits")

    async def resolve(self, owners: list[Any], info: Info, variables: VariableValues) -> list[Any]:
        """The values of one field for all objects of a level, before they are completed."""
        values = self._begun(owners, info, variables)
        if not self._is_async:
            return values
        return [await values[0]] if len(values) == 1 else await asyncio.gather(*values)

    def _begun(self, owners: list[Any], info: Info, variables: VariableValues) -> list[Any]:
        if self._arguments is None:
            return [getattr(owner, self.attribute) for owner in owners]
        arguments = self._given(info, variables)
        if self._owner is None:
            return [self._function(**arguments) for _ in owners]
        return [self._function(**{**arguments, self._owner: owner}) for owner in owners]

    def _given(self, info: Info, variables: VariableValues) -> dict[str, Any]:
        """What the resolver is called with besides its owner."""
        assert self._arguments, "it has a resolver"
        arguments = self._arguments(variables)
        if self._info:
            arguments[self._info] = info
        return arguments


def completion(shown_as: GraphQLOutputType) -> Complete:
    """How values of a type are completed; objects by where the run is going to show them."""
    if is_non_null_type(shown_as):
        return _present(completion(shown_as.of_type))
    if is_list_type(shown_as):
        return _each(completion(shown_as.of_type))
    named = get_named_type(shown_as)
    if not is_leaf_type(named):
        return lambda value, run, field: None if value is None else run.token(field, value)

    def complete(value: Any, _run: "PlanRun", _field: Value) -> Any:
        if value is None:
            return None
        serialized = named.coerce_output_value(value)
        if serialized is None or serialized is Undefined:
            raise Unplanned("a scalar that shows nothing")
        return serialized

    return complete


def _present(complete: Complete) -> Complete:
    def present(value: Any, run: "PlanRun", field: Value) -> Any:
        completed = complete(value, run, field)
        if completed is None:
            raise Unplanned("null where there may be none")
        return completed

    return present


def _each(complete: Complete) -> Complete:
    def each(values: Any, run: "PlanRun", field: Value) -> Any:
        if values is None:
            return None
        if not isinstance(values, Iterable) or isinstance(values, str | dict):
            raise Unplanned("no list")
        return [complete(value, run, field) for value in values]

    return each
