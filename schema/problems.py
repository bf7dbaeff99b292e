"""Failures a person can put right are data: members of a mutation's result union, with `Problem` in common."""

from dataclasses import fields
from typing import Any

import strawberry

from app import errors

strawberry.enum(errors.Code, name="ProblemCode", description="The stable names by which a client tells failures apart.")


@strawberry.interface(description="Why nothing was changed; every mutation answers with one or with what it made.")
class Problem:
    """The root of them all, for clients that treat them alike."""

    code: errors.Code = strawberry.field(description="Its kind, for programs.")
    message: str = strawberry.field(description="What to do about it, for people.")


@strawberry.type(description="A value that can be put right.")
class InvalidInput(Problem):
    """Shows errors.Invalid."""

    field: str = strawberry.field(description="The argument it is about.")


@strawberry.type(description="The change does not fit the state things are in.")
class Conflict(Problem):
    """Shows errors.Conflict."""


@strawberry.type(description="There may be no more of these.")
class LimitReached(Problem):
    """Shows errors.LimitReached."""

    limit: int = strawberry.field(description="How many there may be.")


@strawberry.type(description="The training is too weak to be published.")
class AccuracyTooLow(Problem):
    """Shows errors.AccuracyTooLow."""

    accuracy: float | None = strawberry.field(description="What it reached, in percent.")
    required: float = strawberry.field(description="What publishing takes, in percent.")


@strawberry.type(description="Something this installation, or a service it relies on, cannot offer now.")
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
