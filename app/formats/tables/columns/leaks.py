"""Columns that give the answer away, and numbers that stand for missing ones: seen on a sample of the rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.formats.tables.columns.datatypes import Column
from app.formats.tables.columns.values import Unfitting, ValueReader
from app.tabular.datatypes import ColumnIssue, Datatype, Role

ROWS_MIN = 50
SAME_MIN = 0.9999
EXPLAINED_MIN = 0.9999
TERMS_MAX = 5
NUMBERS_MAX = 60
CLASS_SHARE_MAX = 0.2
STANDS_FOR_MISSING = (-1.0, -9.0, -99.0, -200.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, 999999.0)
STANDS_SHARE_MIN = 0.01
GAP_SPREADS = 2.0
Floats = NDArray[np.float64]


def note(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Warns of inputs that determine an output."""
    if len(rows) < ROWS_MIN:
        return
    numeric = {each.position: _numbers(each, rows) for each in columns if each.datatype is Datatype.FLOAT}
    for column in columns:
        if column.position in numeric and column.role is not Role.IGNORE:
            _note_stand_in(column, numeric[column.position])
    for output in columns:
        if output.role is not Role.OUTPUT:
            continue
        inputs = [each for each in columns if each.role is Role.INPUT]
        if output.position in numeric:
            _note_numbers(output, [each for each in inputs if each.position in numeric], numeric)
        elif output.datatype is Datatype.LABEL:
            _note_labels(output, [each for each in inputs if each.datatype is Datatype.LABEL], rows)


def _numbers(column: Column, rows: Sequence[Sequence[str]]) -> Floats:
    reader = ValueReader.of(column.written)
    values = np.full(len(rows), np.nan)
    for at, row in enumerate(rows):
        try:
            value = reader.of_text(row[column.position])
        except Unfitting:
            continue
        if value is not None and abs(value) < 1e150:
            values[at] = value
    return values


def _note_stand_in(column: Column, values: Floats) -> None:
    known = values[~np.isnan(values)]
    if len(known) < ROWS_MIN:
        return
    for extreme, rest in ((known.min(), known[known > known.min()]), (known.max(), known[known < known.max()])):
        if extreme not in STANDS_FOR_MISSING or len(rest) < ROWS_MIN // 2:
            continue
        share = float(np.mean(known == extreme))
        gap = min(abs(extreme - rest.min()), abs(extreme - rest.max()))
        spread = float(np.subtract(*np.percentile(rest, [90, 10])))
        if share >= STANDS_SHARE_MIN and gap > max(GAP_SPREADS * spread, 2):
            column.warn(
                ColumnIssue.STANDS_FOR_MISSING,
                f"{extreme:g} is in {100 * share:.0f} % of the rows and far from all other values. "
                "It may stand for missing ones.",
            )


def _note_numbers(output: Column, inputs: Sequence[Column], numeric: dict[int, Floats]) -> None:
    target = numeric[output.position]
    usable = [each for each in inputs if np.mean(np.isnan(numeric[each.position])) < 0.2][:NUMBERS_MAX]
    if not usable:
        return
    kept = ~np.isnan(np.column_stack([target, *(numeric[each.position] for each in usable)])).any(axis=1)
    if kept.sum() < max(ROWS_MIN, 3 * len(usable)) or np.ptp(target[kept]) == 0:
        return
    wanted = _scaled(target[kept])
    candidates = [_scaled(numeric[each.position][kept]) for each in usable]
    for column, values in zip(usable, candidates, strict=True):
        if abs(float(np.mean(values * wanted))) > SAME_MIN:
            column.warn(ColumnIssue.LEAK, f"This is {output.name[:60]} itself, or a multiple of it.")
            return
    _note_sum(output, usable, candidates, wanted)


def _scaled(values: Floats) -> Floats:
    spread = values.std()
    return (values - values.mean()) / spread if spread else np.zeros_like(values)


def _explained(terms: Sequence[Floats], wanted: Floats) -> float:
    matrix = np.column_stack(terms)
    weights, *_ = np.linalg.lstsq(matrix, wanted, rcond=None)
    return 1 - float(np.mean((wanted - matrix @ weights) ** 2))


def _note_sum(output: Column, inputs: Sequence[Column], candidates: Sequence[Floats], wanted: Floats) -> None:
    """Takes inputs away as long as the rest still determines the output."""
    left = list(range(len(inputs)))
    if _explained([candidates[at] for at in left], wanted) < EXPLAINED_MIN:
        return
    for at in range(len(inputs)):
        rest = [each for each in left if each != at]
        if rest and _explained([candidates[each] for each in rest], wanted) >= EXPLAINED_MIN:
            left = rest
    if len(left) > TERMS_MAX:
        return
    named = ", ".join(inputs[at].name[:60] for at in left)
    for at in left:
        inputs[at].warn(ColumnIssue.LEAK, f"{output.name[:60]} can be calculated from {named}. Leave one of them out.")


def _note_labels(output: Column, inputs: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    for column in inputs:
        answers: dict[str, str] = {}
        for row in rows:
            cell, wanted = row[column.position], row[output.position]
            if answers.setdefault(cell, wanted) != wanted:
                break
        else:
            if 1 < len(answers) <= CLASS_SHARE_MAX * len(rows) and len(set(answers.values())) > 1:
                column.warn(ColumnIssue.LEAK, f"Each value of this column goes with one {output.name[:60]}.")
