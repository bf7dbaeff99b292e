"""When two subscriptions ask the same: by their documents, their variables and their rights."""

from collections.abc import Hashable, Iterable
from inspect import isasyncgenfunction
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import orjson
from graphql import FieldNode, Node, VariableNode, Visitor, visit
from graphql.execution.collect_fields import collect_fields

from app.web.graphql.operations.operation import Operation, Prepared

# The argument by which a subscription is resumed: where it begins, and nothing else, depends on it.
RESUME = "after"


class _Traits(NamedTuple):
    """What is known of a subscription without its variables."""

    is_shared: bool
    resume: str | None


class Likeness:
    """Finds the same words for the same question. What it knows of a document goes with the document."""

    def __init__(self) -> None:
        self._traits: WeakKeyDictionary[Prepared, _Traits] = WeakKeyDictionary()

    def is_shared(self, operation: Operation) -> bool:
        """Whether its resolver answers with a stream; one that is a generator has one reader."""
        return self._of(operation).is_shared

    def key(self, operation: Operation, *, resumed: bool = True) -> Hashable:
        """Equal for those who ask the same, if `resumed` from the same place."""
        variables = dict(operation.variables)
        if not resumed:
            variables.pop(self._of(operation).resume or "", None)
        # As a text: orjson's bytes keep the 4 kB that they were written into, and a key is kept for long.
        text = orjson.dumps(variables, default=repr, option=orjson.OPT_SORT_KEYS).decode()
        return operation.prepared, text, operation.context.authorisation, operation.is_explained

    def _of(self, operation: Operation) -> _Traits:
        traits = self._traits.get(operation.prepared)
        if traits is None:
            traits = self._traits[operation.prepared] = _traits(operation)
        return traits


def _traits(operation: Operation) -> _Traits:
    executor = operation.executor
    root = executor.schema.subscription_type
    assert root, "it is valid"
    collected = collect_fields(executor.schema, executor.fragments, executor.variable_values, root, operation.node)
    [[field, *_], *_] = collected.grouped_field_set.values()
    declared = root.fields[field.node.name.value].extensions["strawberry-definition"]
    nodes = [operation.node, *(fragment.definition for fragment in executor.fragments.values())]
    return _Traits(not isasyncgenfunction(declared.base_resolver.wrapped_func), _resume(field.node, nodes))


def _resume(root: FieldNode, nodes: Iterable[Node]) -> str | None:
    """The variable that says where to begin, if it says nothing else."""
    for argument in root.arguments or ():
        if argument.name.value == RESUME and isinstance(argument.value, VariableNode):
            name = argument.value.name.value
            uses = _Uses(name)
            for node in nodes:
                visit(node, uses)
            # Once where it is declared, once here.
            return name if uses.count == 2 else None
    return None


class _Uses(Visitor):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.count = 0
        self._name = name

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.count += node.name.value == self._name
