"""What wraps the resolvers of mutations and subscriptions: scopes, rate limits, once per operation, named results."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.field_extensions import InputMutationExtension
from strawberry.types.base import StrawberryMaybe, StrawberryOptional
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion
from strawberry.utils.str_converters import capitalize_first, to_camel_case

from app.errors import Invalid
from app.models.choices import Scope
from app.models.kinds import RateLimit
from app.services.system.requests import rate_limits
from resolvers.context import Info
from resolvers.stored_outcomes import Outcome


class Scoped(FieldExtension):
    """Refuses API keys without the mutation's scope. Keys without READ see no more than anonymous viewers."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        with info.context.acting(self.scope):
            return await next_(source, info, **kwargs)


class Limited(FieldExtension):
    """Refuses accounts and addresses that exceed an hourly limit."""

    def __init__(self, rate_limit: RateLimit) -> None:
        self.rate_limit = rate_limit

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        context = info.context
        async with rate_limits.spending(self.rate_limit, context.rates, context.actor, address=context.address):
            return await next_(source, info, **kwargs)


class Once(FieldExtension):
    """Runs a mutation once per idempotency key, in one transaction."""

    def __init__(self, outcome: Outcome | None, *, needs_key: bool | Callable[[], bool] = False) -> None:
        self.outcome = outcome
        self.needs_key = needs_key

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        change = info.context.changing(str(info.path.key))
        if self.needs_key() if callable(self.needs_key) else self.needs_key:
            change.require_key()
        return await change.carry_out(partial(next_, source, info, **kwargs), self.outcome, info.context.load.read)


class Input(InputMutationExtension):
    """Collects a mutation's arguments in one described input object, and refuses null where it would clear nothing.

    `Maybe[T]` may be left out; `Maybe[T | None]` may also be null.
    """

    def __init__(self) -> None:
        self._not_null: list[tuple[str, str]] = []

    def apply(self, field: StrawberryField) -> None:
        # Strawberry's own refusal of a null is no Problem, and in Python's words: so it lets all of them pass.
        for argument in field.arguments:
            kind = argument.type
            if isinstance(kind, StrawberryMaybe) and not isinstance(kind.of_type, StrawberryOptional):
                self._not_null.append((argument.python_name, to_camel_case(argument.python_name)))
                argument.type_annotation = StrawberryAnnotation(StrawberryMaybe(StrawberryOptional(kind.of_type)))
        super().apply(field)
        [argument] = field.arguments
        argument.description = "The input of the mutation."
        argument_type: Any = argument.type
        argument_type.__strawberry_definition__.description = f"Input of `{to_camel_case(field.python_name)}`."

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        for name, argument_name in self._not_null:
            if kwargs[name] is not None and kwargs[name].value is None:
                raise Invalid(
                    argument_name, f"`{argument_name}` cannot be null. Leave it out to keep the current value."
                )
        return await next_(source, info, **kwargs)


class NamedResult(FieldExtension):
    """Names a mutation's result union after the mutation."""

    def apply(self, field: StrawberryField) -> None:
        field_type = field.type
        union = field_type.of_type if isinstance(field_type, StrawberryOptional) else field_type
        if not isinstance(union, StrawberryUnion):  # nothing can go wrong that a person could mend
            return
        name = to_camel_case(field.python_name)
        union.graphql_name = f"{capitalize_first(name)}Result"
        union.description = f"Result of `{name}`: the result on success, otherwise a Problem."
