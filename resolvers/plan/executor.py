"""graphql-core's executor, which has plans show what mutations and subscriptions come up with."""

import asyncio
from copy import copy
from functools import lru_cache
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import orjson
from graphql import (
    GraphQLError,
    GraphQLOutputType,
    GraphQLResolveInfo,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
    print_ast,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.errors import NotFound, Unplanned
from app.lru import LRU
from app.telemetry.metering import in_thread

if TYPE_CHECKING:
    from resolvers.plan import Plan


INTROSPECTION = frozenset({"__schema", "__type"})
INTROSPECTIONS_MAX = 16
_introspections: LRU[tuple[object, ...], bytes] = LRU(INTROSPECTIONS_MAX)


@lru_cache(maxsize=1)
def _one_at_a_time(_loop: asyncio.AbstractEventLoop) -> asyncio.Semaphore:
    return asyncio.Semaphore(1)


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Resolves the root fields itself, in their order, and has the plan show the rest if it can."""

    def __init__(self, *args: Any, plan: "Plan | None" = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plan = plan
        self._is_aside = False

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """As graphql-core does, but for objects at the root."""
        arguments = (return_type, field_details_list, info, path, result, position_context)
        if path.prev is None and info.field_name in INTROSPECTION and not self._is_aside:
            return self._introspected(*arguments)
        leaf = is_leaf_type(get_named_type(return_type))
        if self._plan is None or path.prev is not None or leaf or isinstance(result, Exception):
            return super().complete_value(*arguments)
        return self._completed(self._plan, *arguments)

    def handle_field_error(
        self, raw_error: Exception, return_type: GraphQLOutputType, field_details_list: list[FieldDetails], path: Path
    ) -> None:
        """As graphql-core does, but a change shows nothing that would have to be looked up for a key without READ.

        Such a field is null where it may be, and no error: what was asked for is done.
        """
        cause = raw_error.original_error if isinstance(raw_error, GraphQLError) else raw_error
        is_below = path.prev is not None and not is_non_null_type(return_type)
        if not (is_below and isinstance(cause, NotFound) and self.context_value.shows_less):
            super().handle_field_error(raw_error, return_type, field_details_list, path)

    async def _introspected(
        self,
        return_type: GraphQLOutputType,
        details: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Introspection is the same for everybody: answered once, aside, and cached as JSON."""
        texts = [print_ast(each.node) for each in details]
        texts += [print_ast(fragment.definition) for fragment in self.fragments.values()]
        key = (id(self.schema), *texts, repr(self.variable_values.coerced))
        known = _introspections.get(key)
        if known is None:
            aside = copy(self)
            aside._is_aside = True  # noqa: SLF001 - its own

            def complete() -> bytes:
                return orjson.dumps(aside.complete_value(return_type, details, info, path, result, position_context))

            async with _one_at_a_time(asyncio.get_running_loop()):
                known = await in_thread(complete)
            _introspections.put(key, known)
        return None if known == b"null" else orjson.Fragment(known)

    async def _completed(
        self,
        plan: "Plan",
        return_type: GraphQLOutputType,
        details: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        try:
            return await plan.complete(self.context_value, self.variable_values, return_type, details, result)
        except Unplanned:
            unplanned = copy(self)
            unplanned._plan = None  # noqa: SLF001 - its own
            completed = unplanned.complete_value(return_type, details, info, path, result, position_context)
            return await completed if isawaitable(completed) else completed
