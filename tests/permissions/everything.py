"""Questions for everything there is to ask, whatever the schema declares."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
)

from app.settings import settings
from app.web.graphql.operations.budget import Budget, Purse
from resolvers.system.nodes import SHOWN
from tests.permissions.matrix import CORE

KINDS = {
    **dict.fromkeys(("actor", "author", "mentionedUser", "seller", "subject", "withUser"), "User"),
    "aoi": "AOI",
    "feedbackAoi": "FeedbackAOI",
    "within": "Species",
    "excludeSpecie": "Species",
    "provider": "ExternalAIProvider",
    "AIProvider": "ExternalAIProvider",
    "connection": "AIProviderConnection",
    "import": "WildlifeImport",
    "export": "WildlifeExport",
    "object": "ClassificationDynamicAttrs",
    "AIClassificationJobEvent": "AIClassificationJob",
    "ConsultingEvent": "ConsultingRequest",
    "BulkApprovalPreview": "Classification",
    "one": "NNModel",
    "other": "NNModel",
}
"""What arguments name whose name says something else; so do the names of some types that are answered."""
WORDS = dict.fromkeys(("text", "query", "search", "prefix"), "zephyrine") | {"username": "zephyrine_friend"}
"""What is given where words must be."""
VALUES = {
    "JSON": "{}",
    "Int": "19",
    "Date": '"2090-01-01"',
    "DateTime": '"2090-01-01T00:00:00Z"',
    "GeoJSONGeometry": '{type: "Point", coordinates: [12, 46]}',
}
"""What is given where something else must be."""
LIMITS = (
    "request_bytes_max",
    "request_s_max",
    "document_characters_max",
    "document_tokens_max",
    "document_aliases_max",
    "document_repeats_max",
    "document_cost_max",
    "viewer_cost_per_minute_max",
    "address_cost_per_minute_max",
)
"""The settings that must be large for it: a question of a type with many kinds of rows is long."""


def lift_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets one test ask everything. What others spent with the same number or address is not its debt."""
    for limit in LIMITS:
        monkeypatch.setattr(settings, limit, 10**9)
    purse = Purse("viewer", "viewer:everything", 10**9)
    purse.put(10**9)
    monkeypatch.setattr(Budget, "purse", lambda *_: purse)


SomeId = Callable[[str], str]
"""What stands in a document for the id of a row of a type: itself, in quotes, or a variable."""


def selection(kind: GraphQLNamedType, some_id: SomeId | None = None, *, is_whole: bool) -> str:
    """What is asked of a type: all of it, and below other rows what they show of themselves."""
    if is_abstract_type(kind):
        parts = [
            f"... on {each} {selection(each, some_id, is_whole=is_whole)}" for each in CORE.get_possible_types(kind)
        ]
        return f"{{ __typename {' '.join(parts)} }}"
    if not isinstance(kind, GraphQLObjectType):
        return ""
    is_row = kind.name in SHOWN
    asked = []
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if is_composite_type(below) and is_row and not is_whole:
            continue
        if name not in {"edges", "pageInfo"}:
            # Types that show the same name differently meet in one answer.
            given, parts = arguments(field, some_id), selection(below, some_id, is_whole=False)
            asked.append(f"{kind}_{name}: {name}{given} {parts}")
    return f"{{ {' '.join(asked) or '__typename'} }}"


def arguments(field: GraphQLField, some_id: SomeId | None = None, more: str = "") -> str:
    """The arguments that must be given, and another one."""
    given = [
        f"{name}: {_value(name, argument, field, some_id)}"
        for name, argument in field.args.items()
        if is_required_argument(argument) or name == more
    ]
    return f"({', '.join(given)})" if given else ""


def _value(name: str, argument: GraphQLArgument, field: GraphQLField, some_id: SomeId | None) -> str:
    kind = get_named_type(argument.type)
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if kind.name == "String":
        return json.dumps(WORDS[name])
    if kind.name in VALUES:
        return VALUES[kind.name]
    assert kind.name == "ID", name
    assert some_id, name
    of = name.removesuffix("s").removesuffix("Id").removesuffix("id")
    of = KINDS.get(of) or (of[:1].upper() + of[1:]) or get_named_type(field.type).name
    of = KINDS.get(of, of)
    id = some_id("User" if of == "Node" else of)
    return f"[{id}]" if is_list_type(get_nullable_type(argument.type)) else id


VARIABLE = re.compile(r"\$a(\w+)")


def _variable(kind: str) -> str:
    return f"$a{kind}"


def questions(some_id: SomeId) -> Iterator[tuple[str, str]]:
    """Every field of the root, and again with each id it may take."""
    for name, field in CORE.query_type.fields.items():
        kind = get_named_type(field.type)
        if kind.name == "Node":
            # Asked with the id of a user: what rows of other types show of themselves, they are asked each by itself.
            below = f"{{ __typename ... on User {selection(CORE.type_map['User'], some_id, is_whole=True)} }}"
        else:
            below = selection(kind, some_id, is_whole=True)
        yield f"Query.{name}", f"{name}{arguments(field, some_id)} {below}"
        for argument, declared in field.args.items():
            if get_named_type(declared.type).name == "ID" and not is_required_argument(declared):
                yield f"Query.{name}({argument})", f"{name}{arguments(field, some_id, argument)} {below}"


async def answers(
    ask: Callable[..., Awaitable[Any]], some_id: SomeId, keys: dict[str, list[str]], *, of: frozenset[str] = frozenset()
) -> dict[str, list[Any]]:
    """What every question is answered with, and every field of every row, by `Type.field`.

    `of` names some of these fields where only they matter: then no other question is asked, and no other type's row.
    Ids are variables: so the documents are the same each time, and those that are still cached are not planned again.
    """
    found: dict[str, list[Any]] = {}

    async def answered(question: str, **more: Any) -> Any:
        kinds = sorted(set(VARIABLE.findall(question)))
        declared = [f"{_variable(kind)}: ID!" for kind in kinds] + (["$ids: [ID!]!"] if more else [])
        head = f"query ({', '.join(declared)}) " if declared else ""
        return await ask(f"{head}{{ {question} }}", **{f"a{kind}": some_id(kind) for kind in kinds}, **more)

    for name, question in questions(_variable):
        if of and name not in of:
            continue
        answer = await answered(question)
        assert answer, f"{name} was not asked at all: {answer.errors}"
        found[name] = [answer]
    for kind, of_kind in keys.items():
        if of and not any(name.startswith(f"{kind}.") for name in of):
            continue
        below = selection(CORE.type_map[kind], _variable, is_whole=True)
        answer = await answered(f"nodes(ids: $ids) {{ ... on {kind} {below} }}", ids=of_kind)
        found.setdefault("Query.nodes", []).append(answer.errors)
        assert answer["nodes"] is not None, answer.errors
        for row in filter(None, answer["nodes"]):
            for name, value in row.items():
                found.setdefault(name.replace("_", ".", 1), []).append(value)
    return found
