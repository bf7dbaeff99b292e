"""Failures that the caller can fix are data: members of a mutation's result union, with `Problem` in common."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import strawberry

from app import errors
from resolvers.enums import show_enum

show_enum(errors.ErrorCode, name="ProblemCode", description="Stable error codes, for clients to tell problems apart.")


P = TypeVar("P", bound="Problem")


@strawberry.interface(description="Why a mutation changed nothing. Every mutation returns its result or a Problem.")
class Problem:
    """The root of all problems, for clients that treat them alike."""

    code: errors.ErrorCode = strawberry.field(description="The error code, for programs.")
    message: str = strawberry.field(description="What is wrong and what to do about it, for people.")


HANDLERS: list[strawberry.ExceptionHandler[Any, Any]] = []


def shows_error(error: type[errors.DomainError]) -> Callable[[type[P]], type[P]]:
    """Registers the problem that shows an error: its fields are the error's attributes of the same names."""

    def register(problem: type[P]) -> type[P]:
        HANDLERS.append(_handler(error, problem))
        return problem

    return register


def _handler(error: type[errors.DomainError], problem: type[Problem]) -> strawberry.ExceptionHandler[Any, Any]:
    class Handler:
        exception_type = error
        error_type = problem

        def handle(self, exception: Any, *, field: Any, info: Any) -> Problem:  # noqa: ARG002 -- Strawberry's
            return problem(**{each.name: getattr(exception, each.name) for each in fields(problem)})

    return Handler()


@shows_error(errors.Invalid)
@strawberry.type(description="A value is invalid. Correct it and try again.")
class InvalidInput(Problem):
    """Shows errors.Invalid."""

    field: str = strawberry.field(description="The name of the invalid argument.")


@shows_error(errors.Conflict)
@strawberry.type(description="The change conflicts with the current state.")
class Conflict(Problem):
    """Shows errors.Conflict."""


@shows_error(errors.LimitReached)
@strawberry.type(description="A limit on the number of rows is reached.")
class LimitReached(Problem):
    """Shows errors.LimitReached."""

    limit: int = strawberry.field(description="The limit.")


@shows_error(errors.Unavailable)
@strawberry.type(description="This installation, or a service it depends on, is not available at the moment.")
class Unavailable(Problem):
    """Shows errors.Unavailable."""
