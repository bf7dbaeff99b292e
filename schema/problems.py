"""Failures that the caller can fix are data: members of a mutation's result union, with `Problem` in common."""

from dataclasses import fields
from typing import Any

import strawberry

from app import errors

strawberry.enum(errors.Code, name="ProblemCode", description="Stable error codes, for clients to tell problems apart.")


@strawberry.interface(description="Why a mutation changed nothing. Every mutation returns its result or a Problem.")
class Problem:
    """The root of all problems, for clients that treat them alike."""

    code: errors.Code = strawberry.field(description="The error code, for programs.")
    message: str = strawberry.field(description="What is wrong and what to do about it, for people.")


@strawberry.type(description="A value is invalid. Correct it and try again.")
class InvalidInput(Problem):
    """Shows errors.Invalid."""

    field: str = strawberry.field(description="The name of the invalid argument.")


@strawberry.type(description="The change conflicts with the current state.")
class Conflict(Problem):
    """Shows errors.Conflict."""


@strawberry.type(description="A limit on the number of rows is reached.")
class LimitReached(Problem):
    """Shows errors.LimitReached."""

    limit: int = strawberry.field(description="The limit.")


@strawberry.type(description="The training's accuracy is too low to publish it.")
class AccuracyTooLow(Problem):
    """Shows errors.AccuracyTooLow."""

    accuracy: float | None = strawberry.field(description="The accuracy of the training, in percent.")
    required: float = strawberry.field(description="The accuracy needed to publish, in percent.")


@strawberry.type(description="This installation, or a service it depends on, is not available at the moment.")
class Unavailable(Problem):
    """Shows errors.Unavailable."""


def _handler(error: type[errors.DomainError], problem: type[Problem]) -> strawberry.ExceptionHandler[Any, Any]:
    class Handler:
        exception_type = error
        error_type = problem

        def handle(self, exception: Any, *, field: Any, info: Any) -> Problem:  # noqa: ARG002 -- Strawberry's
            return problem(**{each.name: getattr(exception, each.name) for each in fields(problem)})

    return Handler()


HANDLERS = [
    _handler(errors.Invalid, InvalidInput),
    _handler(errors.Conflict, Conflict),
    _handler(errors.LimitReached, LimitReached),
    _handler(errors.AccuracyTooLow, AccuracyTooLow),
    _handler(errors.Unavailable, Unavailable),
]
