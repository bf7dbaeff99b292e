"""Rules for the schema, as `graphql-schema-linter` has them, with those of the house: what breaks one is a sentence."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")
PASCAL = re.compile(r"[A-Z][a-zA-Z0-9]*")
CAPITALS = re.compile(r"[A-Z][A-Z0-9_]*")
# What to use instead, and when it goes.
REASON = re.compile(r"(Use|Renamed to) `\w+`.* It will be removed in (the next release|\d+\.\d+)\.")
PAGE_ARGUMENTS = {"first": "Int", "after": "String", "last": "Int", "before": "String"}
PAGE_INFO = {
    "hasNextPage": "Boolean!",
    "hasPreviousPage": "Boolean!",
    "startCursor": "String",
    "endCursor": "String",
}


def problems(
    schema: GraphQLSchema, *, not_lists: frozenset[str] = frozenset(), common_nouns: frozenset[str] = frozenset()
) -> list[str]:
    """All that breaks a rule.

    `not_lists` are types whose names only look like those of lists; `common_nouns` are what rows of several types are
    called.
    """
    return [*_directives(schema), *_types(schema, not_lists), *_filters(schema, common_nouns)]


def _directives(schema: GraphQLSchema) -> Iterator[str]:
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield from _described(f"@{directive.name}", directive)


def _types(schema: GraphQLSchema, not_lists: frozenset[str]) -> Iterator[str]:
    for kind in schema.type_map.values():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        yield from _described(kind.name, kind)
        yield from _named(kind.name, kind.name, PASCAL)
        yield from _parts(kind)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from _pages(kind, not_lists)
        if isinstance(kind, GraphQLScalarType) and not kind.specified_by_url:
            yield f"{kind.name}: a scalar says by what it is specified (@specifiedBy)"
        if isinstance(kind, GraphQLObjectType) and kind.name == "PageInfo":
            yield from _page_info(kind)
        if isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection") and kind.name not in not_lists:
            yield from _connection(kind)


def _filters(schema: GraphQLSchema, common_nouns: frozenset[str]) -> Iterator[str]:
    """`Only cats that …` is said of cats alone: a sentence that was copied to another list speaks of the wrong rows."""
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind):
            for name, field in kind.fields.items():
                for argument, given in field.args.items():
                    where = f"{kind.name}.{name}({argument}:)"
                    said[given.description or ""].setdefault(get_named_type(field.type).name, where)
    for text, places in said.items():
        noun = re.match(r"Only (\w+)", text)
        if noun and len(places) > 1 and noun[1] not in common_nouns:
            yield f"{', '.join(places.values())}: one sentence for rows of different types: {text[:40]!r}"


def _parts(kind: GraphQLNamedType) -> Iterator[str]:
    if isinstance(kind, GraphQLEnumType):
        for name, value in kind.values.items():
            yield from _part(f"{kind.name}.{name}", name, value, CAPITALS)
    elif isinstance(kind, GraphQLInputObjectType):
        for name, given in kind.fields.items():
            yield from _part(f"{kind.name}.{name}", name, given, CAMEL)
    elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            yield from _part(f"{kind.name}.{name}", name, field, CAMEL)
            for argument, given in field.args.items():
                yield from _part(f"{kind.name}.{name}({argument}:)", argument, given, CAMEL)


def _part(where: str, name: str, part: Any, form: re.Pattern[str]) -> Iterator[str]:
    yield from _described(where, part)
    yield from _named(where, name, form)
    reason = part.deprecation_reason
    if reason is not None and not REASON.fullmatch(reason):
        yield f"{where}: a deprecation names what to use instead, and when it will be removed: {reason!r}"


def _described(where: str, part: Any) -> Iterator[str]:
    text = part.description or ""
    if not text.strip():
        yield f"{where}: no description"
    elif text[0].islower() or text != text.strip():
        yield f"{where}: a description begins with a capital letter: {text[:40]!r}"
    elif not text.rstrip().endswith((".", "!", "?", "`", ")")):
        yield f"{where}: a description ends with a full stop: {text[-40:]!r}"


def _named(where: str, name: str, form: re.Pattern[str]) -> Iterator[str]:
    if not form.fullmatch(name):
        yield f"{where}: a name of another form than {form.pattern}"


def _page_info(kind: GraphQLObjectType) -> Iterator[str]:
    shape = {name: str(field.type) for name, field in kind.fields.items()}
    if shape != PAGE_INFO:
        yield f"PageInfo: not as Relay defines it: {shape}"


def _pages(kind: GraphQLObjectType | GraphQLInterfaceType, not_lists: frozenset[str]) -> Iterator[str]:
    """A field that returns a list can be read from both ends."""
    for name, field in kind.fields.items():
        listed = get_named_type(field.type).name
        if listed.endswith("Connection") and listed not in not_lists:
            shape = {each: str(field.args[each].type) for each in PAGE_ARGUMENTS if each in field.args}
            if shape != PAGE_ARGUMENTS:
                yield f"{kind.name}.{name}: a list takes {PAGE_ARGUMENTS}; this takes {shape}"


def _connection(kind: GraphQLObjectType) -> Iterator[str]:
    for name, shape in {"pageInfo": "PageInfo!", "totalCount": "Int!"}.items():
        if name not in kind.fields or str(kind.fields[name].type) != shape:
            yield f"{kind.name}.{name}: not of the type {shape}"
    for name in ("edges", "nodes"):
        if name not in kind.fields or not re.fullmatch(r"\[\w+!\]!", str(kind.fields[name].type)):
            yield f"{kind.name}.{name}: not a list without nulls"
