"""The columns of machines, one by one and as maps by their names; what values look like is for those who see lines."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Integer, SQLColumnExpression, case, func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.policies import AnyViewer
from app.policies.automl.machines import sees_inside
from app.tabular.datatypes import Datatype, Role

Expression = Callable[[AnyViewer], ColumnElement[Any]]
EMPTY: ColumnElement[Any] = literal({}, JSONB)
COMMON = ("name", "position", "datatype", "role", "reason", "decimal", "date_order", "description")
HIDDEN = ("notes", "profile")
TEXT_SHARES = ("uppercase", "lowercase", "digit", "punctuation", "operators", "underscore", "space")
LANGUAGES = ("en", "fr", "de", "it", "es", "pt", "others", "none")


def _all(names: tuple[str, ...]) -> ColumnElement[Any]:
    pairs: list[Any] = []
    for name in COMMON + HIDDEN:
        pairs += [name, getattr(MachineColumn, name) if name in names else null()]
    built = aggregate_order_by(func.jsonb_build_object(*pairs), MachineColumn.position)
    query = select(func.jsonb_agg(built, type_=JSONB)).where(MachineColumn.machine_id == Machine.id)
    return func.coalesce(query.scalar_subquery(), literal([], JSONB), type_=JSONB)


def listed(viewer: AnyViewer) -> ColumnElement[Any]:
    """All columns in their order."""
    return case((sees_inside(viewer), _all(COMMON + HIDDEN)), else_=_all(COMMON))


def _named(expression: Expression, name: str, description: str) -> Expression:
    expression.__name__ = expression.__qualname__ = name
    expression.__doc__ = description
    return expression


def _map(value: SQLColumnExpression[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """A value of each column by its name."""
    pairs = func.jsonb_object_agg(MachineColumn.name, aggregate_order_by(value, MachineColumn.position), type_=JSONB)
    query = select(pairs).where(MachineColumn.machine_id == Machine.id, *conditions)
    return func.coalesce(query.scalar_subquery(), EMPTY, type_=JSONB)


def by_name(name: str, description: str, value: SQLColumnExpression[Any]) -> Expression:
    """A map that everybody sees who sees the machine."""
    return _named(lambda _: _map(value), name, description)


def nothing(name: str, description: str) -> Expression:
    """An empty map."""
    return _named(lambda _: EMPTY, name, description)


def of_values(name: str, description: str, *path: str) -> Expression:
    """A map of what the values look like, without columns where it is unknown."""
    value = MachineColumn.profile[path]
    known = func.jsonb_typeof(value) == "number"
    return _named(lambda viewer: case((sees_inside(viewer), _map(value, known)), else_=null()), name, description)


def count(name: str, description: str, *roles: Role) -> Expression:
    """The number of columns of some roles."""
    counted = select(func.count()).where(MachineColumn.machine_id == Machine.id, MachineColumn.role.in_(roles))
    return _named(lambda _: counted.scalar_subquery().cast(Integer), name, description)


def counts(name: str, description: str, *roles: Role) -> Expression:
    """The number of columns of some roles by their datatypes: all eight are there."""

    def expression(viewer: AnyViewer) -> ColumnElement[Any]:
        del viewer
        pairs: list[Any] = []
        for datatype in Datatype:
            number = select(func.count()).where(
                MachineColumn.machine_id == Machine.id,
                MachineColumn.role.in_(roles),
                MachineColumn.datatype == datatype,
            )
            pairs += [datatype.value, number.scalar_subquery()]
        return func.jsonb_build_object(*pairs, type_=JSONB)

    return _named(expression, name, description)


def inside(name: str) -> Expression:
    """A column of machines that only those see who see the lines."""
    column = getattr(Machine, name)
    return _named(lambda viewer: case((sees_inside(viewer), column), else_=null()), name, column.property.doc)


def _of_line(role: Role) -> ColumnElement[Any]:
    value = aggregate_order_by(MachineLine.values.op("->")(MachineColumn.position), MachineColumn.position)
    query = select(func.jsonb_object_agg(MachineColumn.name, value, type_=JSONB)).where(
        MachineColumn.machine_id == MachineLine.machine_id, MachineColumn.role == role
    )
    return func.coalesce(query.scalar_subquery(), EMPTY, type_=JSONB)


def inputs(viewer: AnyViewer) -> ColumnElement[Any]:
    """The values of the input columns by their names; null is missing."""
    del viewer
    return _of_line(Role.INPUT)


def outputs(viewer: AnyViewer) -> ColumnElement[Any]:
    """The values of the output columns by their names; null if the line has none."""
    del viewer
    return case((MachineLine.has_outputs, _of_line(Role.OUTPUT)), else_=null())
