"""graphql-core's executor, which has plans show what mutations and subscriptions come up with."""

from copy import copy
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from graphql import GraphQLOutputType, GraphQLResolveInfo, get_named_type, is_leaf_type
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.errors import Unplanned

if TYPE_CHECKING:
    from resolvers.plan import Plan


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Resolves the root fields itself, in their order, and has the plan show the rest if it can."""

    def __init__(self, *args: Any, plan: "Plan | None" = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plan = plan

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
        given = (return_type, field_details_list, info, path, result, position_context)
        leaf = is_leaf_type(get_named_type(return_type))
        if self._plan is None or path.prev is not None or leaf or isinstance(result, Exception):
            return super().complete_value(*given)
        return self._completed(self._plan, *given)

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
            return await plan.found(self.context_value, self.variable_values, return_type, details, result)
        except Unplanned:
            unplanned = copy(self)
            unplanned._plan = None  # noqa: SLF001 - its own
            completed = unplanned.complete_value(return_type, details, info, path, result, position_context)
            return await completed if isawaitable(completed) else completed
