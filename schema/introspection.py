"""Limits on introspection: enough for the usual tools, and no multiple of it."""

from collections import Counter
from typing import NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from app.errors import Code

# What one type has many of; the introspection query asks for each of them once, and for arguments twice.
LISTS = frozenset({"types", "fields", "inputFields", "interfaces", "possibleTypes", "enumValues"})
ARGUMENTS = frozenset({"args", "directives"})
LISTS_MAX = 12
# The fields of all types, but not the fields of their types as well.
NESTED_MAX = 2
ROOTS_MAX = {"__schema": 1, "__type": 10}


class _Asked(NamedTuple):
    lists: int = 0
    nested: int = 0


class Introspection:
    """Counts the schema lists that an operation requests, each fragment once."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, _Asked] = {}
        self._roots: Counter[str] = Counter()
        self._lists: Counter[str] = Counter()

    def check(self, operation: OperationDefinitionNode) -> None:
        """Raises a GraphQLError if it requests the same list more often than any tool needs."""
        self._check(operation.selection_set, set())

    def _check(self, selection_set: SelectionSetNode, spread: set[str]) -> None:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode) and selection.name.value in ROOTS_MAX and selection.selection_set:
                self._check_root(selection, selection.selection_set)
            elif isinstance(selection, InlineFragmentNode):
                self._check(selection.selection_set, spread)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                self._check(self._fragments[selection.name.value].selection_set, spread)

    def _check_root(self, node: FieldNode, selection_set: SelectionSetNode) -> None:
        name = node.name.value
        self._roots[name] += 1
        if self._roots[name] > ROOTS_MAX[name]:
            times = "once" if ROOTS_MAX[name] == 1 else f"{ROOTS_MAX[name]} times"
            raise _refused(f"'{name}' may be requested at most {times} in an operation.", node)
        selected = self._asked(selection_set)
        self._lists[name] += selected.lists
        if selected.nested > NESTED_MAX:
            raise _refused(f"Nest schema lists at most {NESTED_MAX} levels deep; this has {selected.nested}.", node)
        if self._lists[name] > LISTS_MAX * ROOTS_MAX[name]:
            raise _refused(
                f"Request at most {LISTS_MAX * ROOTS_MAX[name]} schema lists; this has {self._lists[name]}.", node
            )

    def _asked(self, selection_set: SelectionSetNode) -> _Asked:
        lists = nested = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                below = self._asked(selection.selection_set) if selection.selection_set else _Asked()
                is_list = selection.name.value in LISTS
                lists += below.lists + (is_list or selection.name.value in ARGUMENTS)
                nested = max(nested, below.nested + is_list)
            else:
                below = self._in_fragment(selection)  # type: ignore[arg-type]
                lists += below.lists
                nested = max(nested, below.nested)
        return _Asked(lists, nested)

    def _in_fragment(self, node: InlineFragmentNode | FragmentSpreadNode) -> _Asked:
        if isinstance(node, InlineFragmentNode):
            return self._asked(node.selection_set)
        name = node.name.value
        if name not in self._known:
            self._known[name] = self._asked(self._fragments[name].selection_set)
        return self._known[name]


def _refused(message: str, node: FieldNode) -> GraphQLError:
    return GraphQLError(message, node, extensions={"code": Code.BAD_REQUEST})
