"""Which lines are meant, by the values of columns. The names of columns are data: they find a place, and are no SQL."""

from collections.abc import Sequence
from typing import Any

import orjson
import strawberry
from sqlalchemy import ColumnElement, Numeric, Text, and_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from strawberry.scalars import JSON

from app import checks
from app.errors import BadRequest
from app.formats.tables.notation import numbers
from app.formats.tables.sources.records import as_text
from app.limits import automl as limits
from app.models.automl.lines import MachineLine
from app.models.automl.machines import MachineColumn

Condition = ColumnElement[bool]
NUMBER_LIMIT = 2**63


@strawberry.input(description="Conditions on a line's value in one column. All that are set must hold.")
class LineFilterInput:
    column: str = strawberry.field(
        description="The name of the column, as the machine has it. Where no column has it, no line is meant."
    )
    equals: JSON | None = strawberry.field(
        default=None, description='The value, as lines show it. The number 1 and the text "1" are the same.'
    )
    at_least: JSON | None = strawberry.field(
        default=None, description="The least value: a number, or a text such as `2024-01-31`."
    )
    at_most: JSON | None = strawberry.field(
        default=None, description="The greatest value: a number, or a text such as `2024-01-31`."
    )
    contains: str | None = strawberry.field(default=None, description="A part of the value, ignoring case.")
    is_missing: bool | None = strawberry.field(default=None, description="Whether there is no value.")


def conditions(machine_id: int, inputs: Sequence[LineFilterInput] | None) -> list[Condition]:
    """What the lines of a machine must be like."""
    filters = inputs or []
    if len(filters) > limits.LINE_FILTERS_MAX:
        raise BadRequest(f"Give at most {limits.LINE_FILTERS_MAX} filters; these are {len(filters)}.")
    return [_condition(machine_id, f"filters.{number}", each) for number, each in enumerate(filters)]


def _condition(machine_id: int, field: str, filter: LineFilterInput) -> Condition:
    name = checks.text(f"{field}.column", filter.column, length_max=limits.COLUMN_NAME_LENGTH_MAX, is_exact=True)
    named = MachineColumn.machine_id == machine_id, MachineColumn.name == name
    place = select(MachineColumn.position).where(*named).scalar_subquery()
    value: ColumnElement[Any] = MachineLine.values.op("->", return_type=JSONB())(place)
    text: ColumnElement[str] = MachineLine.values.op("->>", return_type=Text())(place)
    part = checks.optional_text(
        f"{field}.contains", filter.contains, length_max=limits.FILTER_TEXT_LENGTH_MAX, is_exact=True
    )
    wanted: list[Condition] = []
    if filter.equals is not None:
        wanted.append(_equals(value, text, _checked(f"{field}.equals", filter.equals)))
    for name, bound in (("atLeast", filter.at_least), ("atMost", filter.at_most)):
        if bound is not None:
            wanted.append(_bounded(value, text, f"{field}.{name}", bound, is_least=name == "atLeast"))
    if part is not None:
        wanted.append(text.icontains(part, autoescape=True))
    if filter.is_missing is not None:
        # Of an unknown column there is no place, and nothing is missing there.
        wanted.append(text.is_(None) & place.is_not(None) if filter.is_missing else text.is_not(None))
    if not wanted:
        raise BadRequest(f"`{field}` says nothing of the value. Give one of its other fields.")
    return and_(*wanted)


def _checked(field: str, value: Any) -> Any:
    if isinstance(value, str):
        return checks.text(field, value, length_max=limits.FILTER_TEXT_LENGTH_MAX, is_exact=True)
    if isinstance(value, dict | list) and len(_json(field, value)) > limits.FILTER_TEXT_LENGTH_MAX:
        raise BadRequest(f"`{field}` is too long. Give at most {limits.FILTER_TEXT_LENGTH_MAX:,} characters.")
    return _small(field, value)


def _small(field: str, value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= NUMBER_LIMIT:
        raise BadRequest(f"`{field}` is too large a number.")
    return value


def _json(field: str, value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise BadRequest(f"`{field}` has too large a number.") from None


def _number(number: float) -> ColumnElement[Any]:
    return func.to_jsonb(cast(literal(str(number)), Numeric))


def _equals(value: ColumnElement[Any], text: ColumnElement[str], wanted: Any) -> Condition:
    if isinstance(wanted, dict | list):
        return value == cast(literal(_json("equals", wanted)), JSONB)
    same: list[Condition] = [and_(func.jsonb_typeof(value) == "string", text == as_text(wanted))]
    if isinstance(wanted, bool):
        same.append(value == _number(int(wanted)))
    elif isinstance(wanted, int | float):
        same.append(value == _number(wanted))
    elif numbers.PLAIN.match(wanted) and (number := numbers.number(wanted, ".")) is not None:
        same.append(value == _number(number))
    return or_(*same)


def _bounded(
    value: ColumnElement[Any], text: ColumnElement[str], field: str, bound: Any, *, is_least: bool
) -> Condition:
    """Numbers are compared as numbers, and texts, such as dates, letter by letter."""
    if isinstance(bound, bool) or not isinstance(bound, int | float | str):
        raise BadRequest(f"`{field}` must be a number or a text.")
    compared: ColumnElement[Any]
    if isinstance(bound, str):
        checked: Any = checks.text(field, bound, length_max=limits.FILTER_TEXT_LENGTH_MAX, is_exact=True)
        compared, kind = text.collate("C"), "string"
    else:
        checked, compared, kind = _number(_small(field, bound)), value, "number"
    return and_(func.jsonb_typeof(value) == kind, compared >= checked if is_least else compared <= checked)
