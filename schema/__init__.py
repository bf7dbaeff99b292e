"""The whole GraphQL schema: the types and fields of every domain. A domain is a package in this folder."""

from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.discovery import import_modules, import_tree
from schema.fields import confine
from schema.list_names import Names
from schema.problems import HANDLERS, Problem
from schema.row import Row
from schema.scalars import SCALARS, exact_id

DOMAINS = [module for module in import_modules(__name__) if hasattr(module, "__path__")]
for each in DOMAINS:
    import_tree(each.__name__)


def _root(name: str, description: str) -> Any:
    """A root type with the fields of every domain: those of its class with this name, such as `MappingQuery`."""
    bases = [
        declared
        for domain in DOMAINS
        for declared in vars(domain).values()
        if isinstance(declared, type) and declared.__module__ == domain.__name__ and declared.__name__.endswith(name)
    ]
    return strawberry.type(type(name, tuple(bases), {}), description=description)


Query = _root("Query", "Queries. API keys need the scope `READ`.")
Mutation = _root("Mutation", "Mutations. Each returns its result or a Problem.")
Subscription = _root(
    "Subscription", "Subscriptions. Every event with a cursor can be resumed from. API keys need the scope `READ`."
)
# A failure empties only its own field at the root: its neighbours are shown, and what was committed stays.
for root in (Query, Mutation, Subscription):
    confine(root)

schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[*Row.__subclasses__(), Problem],
    config=StrawberryConfig(scalar_map=SCALARS, name_converter=Names()),
    exception_handlers=HANDLERS,
)
# `ID` is a reserved name: a scalar of our own cannot have it.
schema._schema.type_map["ID"].coerce_input_value = exact_id  # type: ignore[attr-defined] # noqa: SLF001
