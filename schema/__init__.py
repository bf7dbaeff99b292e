"""The whole GraphQL schema. A domain's file shows what clients see of it."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.accounts import AccountsMutation, AccountsQuery
from schema.fields import confine
from schema.list_names import Names
from schema.mapping import MappingMutation, MappingQuery, MappingSubscription
from schema.problems import HANDLERS, Problem
from schema.row import Row
from schema.scalars import SCALARS, exact_id
from schema.social import SocialMutation, SocialQuery, SocialSubscription
from schema.system import SystemMutation, SystemQuery, SystemSubscription
from schema.wildlife import WildlifeMutation, WildlifeQuery, WildlifeSubscription


@strawberry.type(description="Queries. API keys need the scope `READ`.")
class Query(AccountsQuery, MappingQuery, WildlifeQuery, SocialQuery, SystemQuery):
    """The queries of every domain."""


@strawberry.type(description="Mutations. Each returns its result or a Problem.")
class Mutation(AccountsMutation, MappingMutation, WildlifeMutation, SocialMutation, SystemMutation):
    """The mutations of every domain."""


@strawberry.type(
    description="Subscriptions. Every event with a cursor can be resumed from. API keys need the scope `READ`."
)
class Subscription(MappingSubscription, WildlifeSubscription, SocialSubscription, SystemSubscription):
    """The subscriptions of every domain."""


# A failure empties its own field at the root, and neither what stands beside it nor what has been committed.
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
# The name is reserved: a scalar of our own cannot have it.
schema._schema.type_map["ID"].coerce_input_value = exact_id  # type: ignore[attr-defined] # noqa: SLF001
