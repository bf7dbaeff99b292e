"""The columns of a new machine: as the table was read, and as somebody corrects it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Self

from app.errors import Conflict, Invalid, quoted
from app.formats.tables import splits
from app.limits import automl as limits
from app.models.automl.machines import MachineColumn
from app.models.automl.readings import TableReading
from app.tabular.choices import MachineSplit
from app.tabular.datatypes import Datatype, DateOrder, DecimalSign, Role

DATED = frozenset({Datatype.DATE, Datatype.DATETIME})
CHOICES: dict[str, Any] = {
    "datatype": Datatype,
    "role": Role,
    "decimal_sign": DecimalSign,
    "date_order": DateOrder,
}


@dataclass(frozen=True)
class ColumnOverride:
    """What somebody knows better of a column; what is null stays as it was read."""

    name: str
    datatype: Datatype | None = None
    role: Role | None = None
    decimal_sign: DecimalSign | None = None
    date_order: DateOrder | None = None

    def plain(self) -> dict[str, str | None]:
        """As JSON has it."""
        return {name: value.value if isinstance(value, Enum) else value for name, value in vars(self).items()}

    @classmethod
    def read(cls, plain: Mapping[str, str | None]) -> Self:
        """From JSON."""
        changes = {name: CHOICES[name](value) for name, value in plain.items() if name in CHOICES and value is not None}
        return cls(str(plain["name"]), **changes)


class Usual(NamedTuple):
    """How a column that becomes one of numbers or dates writes them, if nobody says it."""

    decimal: str
    order: str


def columns_of(reading: TableReading, overrides: Sequence[ColumnOverride]) -> list[MachineColumn]:
    """The columns of a new machine; Invalid if nothing could be learned from them."""
    order: str = reading.options.get("date_order_usual", DateOrder.YMD.value)
    usual = Usual(
        "," if reading.decimal_sign is DecimalSign.COMMA else ".",
        reading.date_order.value if reading.date_order else order,
    )
    return _columns(reading.report["columns"], usual, overrides)


def corrected(columns: Sequence[MachineColumn], overrides: Sequence[ColumnOverride]) -> list[MachineColumn]:
    """The columns of a machine as somebody corrects them; Invalid if nothing could be learned from them."""
    decimals = [each.decimal for each in columns if each.decimal] or ["."]
    orders = [each.date_order for each in columns if each.date_order] or [DateOrder.YMD.value]
    usual = Usual(max(decimals, key=decimals.count), max(orders, key=orders.count))
    fresh = _columns([_as_read(each) for each in columns], usual, overrides)
    for number, (old, new) in enumerate(zip(columns, fresh, strict=True)):
        if old.decimal and new.decimal and old.decimal != new.decimal:
            # 1,000 and 1 are the same number by now.
            raise Invalid(
                f"columns.{number}.decimalSign",
                f"The numbers of {quoted(old.name)} are kept without their signs. Make another machine of the table, "
                "and set the decimal sign there.",
            )
    return fresh


def _as_read(column: MachineColumn) -> dict[str, Any]:
    """A column as a reading has it."""
    return written(column) | {
        "position": column.position,
        "reason": column.reason,
        "description": column.description,
        "issues": column.notes.get("issues", []),
        "examples": column.notes.get("examples", []),
    }


def _columns(read: Sequence[dict[str, Any]], usual: Usual, overrides: Sequence[ColumnOverride]) -> list[MachineColumn]:
    corrected = _by_name(read, overrides)
    # Who says what is to be learned, says all of it.
    says_outputs = any(each.role is Role.OUTPUT for each in overrides)
    columns = []
    for each in read:
        column = _column(usual, each, corrected.get(each["name"]))
        if says_outputs and column.role is Role.OUTPUT and each["name"] not in corrected:
            column.role = Role.INPUT
        columns.append(column)
    for role, what in ((Role.INPUT, "inputs"), (Role.OUTPUT, "outputs")):
        if not any(column.role is role for column in columns):
            raise Invalid("columns", f"This machine has no {what}. Give a column the role {role.value}.")
    return columns


def _by_name(read: Sequence[dict[str, Any]], overrides: Sequence[ColumnOverride]) -> dict[str, ColumnOverride]:
    names = {each["name"] for each in read}
    by_name: dict[str, ColumnOverride] = {}
    for number, each in enumerate(overrides):
        if each.name not in names:
            raise Invalid(
                f"columns.{number}.name", f"There is no column {quoted(each.name)}. Name it as the table does."
            )
        if each.name in by_name:
            raise Invalid(f"columns.{number}.name", f"The column {quoted(each.name)} is named twice. Name it once.")
        by_name[each.name] = each
    return by_name


def _column(usual: Usual, read: dict[str, Any], override: ColumnOverride | None) -> MachineColumn:
    datatype, role = Datatype(read["datatype"]), Role(read["role"])
    reason, decimal, order = read["reason"], read["decimal"], read["date_order"]
    if override is not None:
        if override.datatype is not None:
            # A column that was left out for what it seemed to be is used once somebody says what it is.
            role = Role.INPUT if role is Role.IGNORE else role
            reason = reason if override.datatype is datatype else "It was set by hand."
            datatype = override.datatype
        role = override.role or role
        decimal = override.decimal_sign.sign if override.decimal_sign else decimal
        order = override.date_order.value if override.date_order else order
    if datatype is Datatype.IGNORE:
        if override is not None and override.role not in {None, Role.IGNORE}:
            raise Invalid(
                "columns", f"The column {quoted(read['name'])} has the datatype IGNORE. Set what its values are, too."
            )
        role = Role.IGNORE
    return MachineColumn(
        position=read["position"],
        name=read["name"],
        datatype=datatype,
        role=role,
        decimal=(decimal or usual.decimal) if datatype is Datatype.FLOAT else None,
        date_order=(order or usual.order) if datatype in DATED else None,
        reason=reason[: limits.REASON_LENGTH_MAX],
        description=read["description"],
        notes={"issues": read["issues"], "examples": read["examples"]},
    )


def written(column: MachineColumn) -> dict[str, Any]:
    """How a column is read and what it is for, as parsers take it."""
    return {
        "name": column.name,
        "datatype": column.datatype.value,
        "decimal": column.decimal,
        "date_order": column.date_order,
        "role": column.role.value,
    }


def require_column_name(field: str, name: str) -> None:
    """Invalid for what no column of any table is called; for those that are named before their table is read."""
    if len(name) > limits.COLUMN_NAME_LENGTH_MAX:
        raise Invalid(field, f"There is no column {quoted(name)}. Name it as the table does.")


def check_split(kind: MachineSplit, name: str | None, columns: Sequence[MachineColumn]) -> None:
    """Invalid if lines cannot be set apart so."""
    column = next((each for each in columns if each.name == name), None)
    if name is not None and column is None:
        raise Invalid("split.column", f"This table has no column {quoted(name)}. Name it as its reading does.")
    if wrong := splits.check(kind, name, None if column is None else column.datatype):
        raise Invalid("split.column", wrong)


def require_finished(reading: TableReading) -> None:
    """Passes once the table is read."""
    if "columns" not in reading.report:
        raise Conflict("This table has not been read, or could not be. Wait for its reading, or read it again.")
