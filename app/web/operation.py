"""Who asks, with what surroundings, for which operation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from graphql import Executor, OperationDefinitionNode, OperationType


@dataclass(frozen=True)
class Caller:
    """Where a request came from."""

    request_id: str
    address: str
    transport: Literal["http", "sse", "socket"]


class Context(Protocol):
    """What the view reads of the context that it hands to the resolvers."""

    @property
    def viewer_id(self) -> int | None:
        """Who asks; None for a stranger."""

    @property
    def expires_at(self) -> datetime | None:
        """When the token ends; None for a stranger, or if it does not."""

    def renewed(self) -> "Context":
        """The same viewer with loaders that have seen nothing: each event of a subscription gets its own."""


MakeContext = Callable[[str | None, Caller], Awaitable[Context]]


@dataclass(frozen=True)
class Operation:
    """A valid operation, paid for and ready to run for its viewer."""

    caller: Caller
    node: OperationDefinitionNode
    context: Context
    cost: int
    executor: Executor[Any]

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None
