"""Who may see what, and who may do what. Every rule of the system is in this folder.

`visible(Model, viewer)` begins a read; `require(rule, viewer, row)` guards a change.

The alias of a table in a rule is made once, of the rule's own, and never correlates: to make one takes SQLAlchemy
longer than the rest of the rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, SQLColumnExpression, false, literal, select

from app.errors import Forbidden, ScopeMissing, Unauthenticated
from app.models.base import Base
from app.models.choices import Scope
from app.opaque import Opaque


class SQLId(Opaque):
    """An id that only SQL knows: a bound parameter or a column. Columns compare with it; Python cannot."""

    __slots__ = ("_expression",)

    def __init__(self, expression: ColumnElement[int]) -> None:
        self._expression = expression

    def __clause_element__(self) -> ColumnElement[int]:
        """How SQLAlchemy finds the expression."""
        return self._expression


class AnyViewer(Protocol):
    """What rules in SQL know of a viewer: their rights, and an id that is a number or an expression."""

    @property
    def user_id(self) -> int | SQLId | None:
        """The account; None for a stranger."""

    @property
    def is_staff(self) -> bool:
        """Whether they are staff."""

    @property
    def is_signed_in(self) -> bool:
        """Whether this is an account and not a stranger."""


@dataclass(frozen=True, eq=False, repr=False)
class SQLViewer(Opaque):
    """A viewer whose ids are expressions: one statement serves many viewers with the same rights."""

    user_id: SQLId | None = None
    is_staff: bool = False
    session_id: SQLId | None = None
    key_id: SQLId | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    is_super_admin: bool = False

    @property
    def is_signed_in(self) -> bool:
        """Whether this is an account and not a stranger."""
        return self.user_id is not None


@dataclass(frozen=True)
class Viewer:
    """The one who asks; without `user_id`, a stranger."""

    user_id: int | None = None
    is_staff: bool = False
    session_id: int | None = None
    key_id: int | None = None
    # What an API key leaves of what they may do; which rows they see does not hang on it.
    scopes: frozenset[Scope] = field(default=frozenset(Scope), compare=False)
    # What it adds to being staff is about others' rights, too, and not about rows.
    is_super_admin: bool = field(default=False, compare=False)

    @property
    def is_signed_in(self) -> bool:
        """Whether this is an account and not a stranger."""
        return self.user_id is not None

    def as_reader(self) -> "Viewer":
        """Who reads what a change answers with: an API key without READ sees what strangers see."""
        return self if Scope.READ in self.scopes else Viewer(scopes=self.scopes)


M = TypeVar("M", bound=Base)
Visibility = Callable[[AnyViewer], ColumnElement[bool]]
_visibility: dict[type[Base], Visibility] = {}


def reads(*models: type[Base]) -> Callable[[Visibility], Visibility]:
    """Registers the rule by which a viewer sees rows of these tables."""

    def register(rule: Visibility) -> Visibility:
        for model in models:
            assert model not in _visibility, f"{model.__name__} has two read rules"
            _visibility[model] = rule
        return rule

    return register


def visible(model: type[M], viewer: AnyViewer) -> Select[M]:
    """A select of the rows this viewer may see."""
    return select(model).where(_visibility[model](viewer))


def require(rule: Callable[[Viewer, Any], bool], viewer: Viewer, row: Any) -> None:
    """Passes, or says in the rule's own words what the viewer may not do."""
    signed_in(viewer)
    if not rule(viewer, row):
        raise Forbidden(f"You may not {rule.__name__.removeprefix('may_').replace('_', ' ')}.")


def require_scope(viewer: Viewer, scope: Scope | None) -> None:
    """Passes for sessions, for strangers, and for API keys with this scope; without a scope, for no key at all."""
    if scope is None and viewer.key_id is not None:
        raise Forbidden("An API key may not do this. Sign in to do it.")
    if scope is not None and scope not in viewer.scopes:
        raise ScopeMissing(scope.value)


def signed_in(viewer: Viewer) -> int:
    """The viewer's account; strangers are asked to sign in."""
    if viewer.user_id is None:
        raise Unauthenticated("Sign in first.")
    return viewer.user_id


def account_of(viewer: AnyViewer) -> ColumnElement[int]:
    """The viewer's account as an expression; strangers are asked to sign in."""
    if viewer.user_id is None:
        raise Unauthenticated("Sign in first.")
    if isinstance(viewer.user_id, SQLId):
        return viewer.user_id.__clause_element__()
    return literal(viewer.user_id, BigInteger)


def names_viewer(viewer: AnyViewer, user_id: SQLColumnExpression[int | None]) -> ColumnElement[bool]:
    """Whether a column names the viewer's account. No column names a stranger, and a null names nobody."""
    # `column == None` would be `column IS NULL`, which shows strangers every row without an owner.
    return false() if viewer.user_id is None else user_id == viewer.user_id


def is_viewer(viewer: Viewer, user_id: int | None) -> bool:
    """Whether an id is the viewer's account. A stranger is nobody, and so is a null."""
    return viewer.user_id is not None and viewer.user_id == user_id
