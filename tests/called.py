"""What a mutation's code comes to: every function of ours that it names, however deep."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from types import FunctionType, MethodType

WALKED = ("app.services", "resolvers")


@cache
def tree(function: FunctionType) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def named(node: ast.AST, function: FunctionType) -> object:
    """What a name, or a name in a module, stands for where a function says it."""
    if isinstance(node, ast.Attribute):
        return getattr(named(node.value, function), node.attr, None)
    return function.__globals__.get(node.id) if isinstance(node, ast.Name) else None


def nodes(function: FunctionType, seen: set[FunctionType] | None = None) -> Iterator[tuple[ast.AST, FunctionType]]:
    """Each node of a function and of all that it names, with the function it stands in."""
    seen = set() if seen is None else seen
    if function in seen:
        return
    seen.add(function)
    for node in ast.walk(tree(function)):
        yield node, function
        found = named(node, function)
        found = found.__func__ if isinstance(found, MethodType) else found
        if isinstance(found, FunctionType) and found.__module__.startswith(WALKED):
            yield from nodes(found, seen)
