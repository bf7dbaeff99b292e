"""GraphQL enums: the enums of tables and services, as arguments and fields show them."""

from enum import Enum
from inspect import getdoc

import strawberry


def show_enum(kind: type[Enum]) -> None:
    """Makes a GraphQL enum of an enum; its docstring is the description."""
    strawberry.enum(kind, description=getdoc(kind))
