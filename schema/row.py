"""GraphQL types over tables: name the fields to show; their types and descriptions come from the model."""

from collections.abc import Callable
from dataclasses import fields
from inspect import get_annotations, getdoc
from typing import Any, TypeVar, get_args

import strawberry
from sqlalchemy.orm import ColumnProperty
from strawberry.scalars import JSON
from strawberry.types import get_object_definition
from strawberry.types.auto import StrawberryAuto

from app.models.base import Json, Record
from resolvers import ids
from resolvers.plan.declared import METADATA, GlobalId
from resolvers.system.nodes import SHOWN
from schema.descriptions import filled

T = TypeVar("T")


def _id(root: strawberry.Parent[Record]) -> strawberry.ID:
    return ids.encode(root)


@strawberry.interface(description="An object with a globally unique id, which `node` takes.")
class Node:
    """The root of every type that shows a row."""

    id: strawberry.ID = strawberry.field(
        resolver=_id, description="A globally unique, opaque id.", metadata={METADATA: GlobalId()}
    )


class Row(Node):
    """Base of the types that show a table's row. The row itself is the source object; nothing is copied.

    `class Dataset(Row, of=models.Dataset)` with `name: auto` shows the column `name`; columns that are not named stay
    hidden. `with_fields_of` names a dataclass whose fields are columns to show, too.
    """

    def __init_subclass__(cls, *, of: type[Record], with_fields_of: type | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        assert cls.__name__ == of.__name__, "ids are made from the table's class: it has the type's name"
        SHOWN[cls.__name__] = of
        if with_fields_of is not None:
            more = dict.fromkeys((field.name for field in fields(with_fields_of)), strawberry.auto)
            cls.__annotations__ = get_annotations(cls) | more
        _fill(cls, of)
        _show(cls, of)
        strawberry.type(cls, description=filled(getdoc(of)))


def rows_of_one_table(of: type[Record]) -> Callable[[type[T]], type[T]]:
    """Makes an interface of the fields that all types over one table share, each of which shows a class of its own.

    `class AIProvider(Node)` has the fields; `class TrapperAIProvider(AIProvider, Row, of=…)` is one of the types.
    """

    def declare(cls: type[T]) -> type[T]:
        _fill(cls, of)
        cls.__shows__ = of  # type: ignore[attr-defined]
        return strawberry.interface(cls, description=filled(getdoc(of)))

    return declare


def adds_fields(target: type[Row]) -> Callable[[type[T]], type[T]]:
    """Adds the fields of a class to the type of a lower domain, which does not know the domain that declares them."""

    def declare(cls: type[T]) -> type[T]:
        known, added = (get_object_definition(each, strict=True).fields for each in (target, strawberry.type(cls)))
        twice = {field.python_name for field in known} & {field.python_name for field in added}
        assert not twice, f"{target.__name__} has {twice} already"
        known.extend(added)
        return cls

    return declare


def _fill(cls: Any, of: type[Record]) -> None:
    """Gives the fields that are only named their columns' types and descriptions."""
    hints = get_annotations(cls)
    for name, hint in hints.items():
        if isinstance(hint, StrawberryAuto):
            hints[name], doc = _shown(of, name)
            setattr(cls, name, strawberry.field(description=doc))
    cls.__annotations__ = hints


def shows(source: type) -> Callable[[type[T]], type[T]]:
    """Makes a type of a class that is not a table; the class's docstring is the description."""

    def declare(cls: type[T]) -> type[T]:
        _show(cls, source)
        return strawberry.type(cls, description=filled(getdoc(source)))

    return declare


def _show(cls: Any, source: type) -> None:
    """Registers the type that shows values of a class, for both ways of execution."""
    cls.is_type_of = lambda value, _info: isinstance(value, source)
    cls.__shows__ = source


def _shown(model: type[Record], name: str) -> tuple[Any, str | None]:
    """The Python type and the description of a column or a property, as declared in the model."""
    for base in model.__mro__:
        attribute = vars(base).get(name)
        if isinstance(attribute, property) and attribute.fget:
            return get_annotations(attribute.fget)["return"], filled(getdoc(attribute))
        hint = get_annotations(base).get(name)
        if hint is not None:
            property_ = getattr(model, name).property
            if not isinstance(property_, ColumnProperty):
                raise TypeError(f"{model.__name__}.{name} is a relationship: show it with `one` or `many`")
            [kind] = get_args(hint)
            return {Json: JSON, Json | None: JSON | None}.get(kind, kind), property_.doc
    raise TypeError(f"{model.__name__} has no {name!r} to show")
