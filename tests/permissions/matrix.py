"""The table of who gets what: which rows it must have, and how they are read."""

from pathlib import Path

from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_composite_type

from schema import schema
from schema.row import Row
from tests.permissions.world import WHO

CORE = schema._schema
TABLE = Path(__file__).with_name("matrix.txt")
MONEY = {
    f"app.models.billing.{name}"
    for name in (
        "adjustments",
        "automatic_top_ups",
        "coupon_codes",
        "grants",
        "ledger",
        "legacy",
        "reservations",
        "spending",
        "top_ups",
    )
}
TABLES = {"app.models.accounts", "app.models.integrations", "app.models.system", "app.models.automl.market", *MONEY}
TYPES = {row.__name__: row for row in Row.__subclasses__() if row.__shows__.__module__ in TABLES}
"""The types over tables of people, their teams, money, the market, webhooks and the system."""
BESIDE = {"UserStatistics"}
"""Those over no table that are reached from these."""
MARKET = ("resolvers.automl.listings", "resolvers.automl.market")
RESOLVERS = ("resolvers.accounts", *MARKET, "resolvers.billing", "resolvers.integrations", "resolvers.system")


def fields() -> dict[str, GraphQLField]:
    """The fields that must have a row, by `Type.field`."""
    found = {f"{kind}.{name}": field for kind in sorted({*TYPES, *BESIDE}) for name, field in _fields(kind).items()}
    for root in ("Query", "Mutation", "Subscription"):
        found |= {f"{root}.{name}": field for name, field in _fields(root).items() if _is_ours(field)}
    return found


def _fields(kind: str) -> dict[str, GraphQLField]:
    found = CORE.type_map[kind]
    assert isinstance(found, GraphQLObjectType)
    return found.fields


def _is_ours(field: GraphQLField) -> bool:
    """Whether a root's field is answered by a resolver of one of these domains."""
    resolver = field.extensions["strawberry-definition"].base_resolver
    return resolver.wrapped_func.__module__.startswith(RESOLVERS)


def shown(field: GraphQLField) -> str:
    """What is asked below a field: as little as tells whether there is anything."""
    named = get_named_type(field.type)
    if not is_composite_type(named):
        return ""
    return "{ nodes { __typename } }" if named.name.endswith("Connection") else "{ __typename }"


def rows() -> dict[str, dict[str, str]]:
    """The table: for each field, what comes of it for each person."""
    found: dict[str, dict[str, str]] = {}
    for name, *outcomes in filter(None, map(str.split, TABLE.read_text().splitlines())):
        if name == "field":
            assert tuple(outcomes) == WHO
        elif name[0].isupper():
            assert name not in found, f"{name} has two rows"
            found[name] = dict(zip(WHO, outcomes, strict=True))
    return found


def line(name: str, outcomes: dict[str, str]) -> str:
    """A row as it is written."""
    return " ".join([f"{name:<44}", *(f"{outcomes[who]:<15}" for who in WHO)]).rstrip()
