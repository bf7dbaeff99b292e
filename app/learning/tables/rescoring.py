"""Judging a machine anew on another table: the same figures as after its training."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.learning.engine import Failure, Report, Request
from app.learning.tables.requests import INPUT, TableRequest, read_rows
from app.tabular import metrics
from app.tabular.candidates.heads import Head, Rows
from app.tabular.inputs.cells import label_key, numbers_of
from app.tabular.inputs.encoders import Warned
from app.tabular.predictor import Predictor

MACHINE, OUTCOME = "machine.safetensors", "outcome.json"
WARNINGS_MAX = 20


@dataclass(frozen=True)
class JudgeRequest(Request):
    """`columns` as of `TableRequest`; the rows are in the same file."""

    columns: Sequence[dict[str, Any]]


def judge(folder: Path, request: JudgeRequest, report: Report) -> dict[str, Any]:
    """Compare the answers of the machine of a folder with the outputs of its rows; leave the outcome there."""
    table = read_rows(folder, TableRequest(columns=request.columns))
    report("evaluating", 0.1, f"Judging on {len(table):,} rows")
    machine = Predictor.load((folder / MACHINE).read_bytes())
    inputs = {str(column["id"]) for column in request.columns if column["role"] == INPUT}
    cells = {column: values for column, values in table.cells.items() if column in inputs}
    rows, warned = machine.encoded(cells, len(table))
    outputs = [_judged(head, table.cells.get(head.column, []), rows) for head in machine.heads]
    outcome = {"rows": len(table), "outputs": outputs, "warnings": _counted(warned)}
    (folder / OUTCOME).write_text(json.dumps(outcome, allow_nan=False), encoding="utf-8")
    return {"artefacts": [OUTCOME]}


def _judged(head: Head, cells: Sequence[Any], rows: Rows) -> dict[str, Any]:
    used, truth, unknown = _truth(head, cells)
    if not len(used):
        raise Failure(f"No row has a value of {head.name} that the machine knows. Upload rows with outputs.")
    answers = head.answers(rows.take(used))
    if head.classes:
        figures = metrics.of_classes(answers, truth.astype(np.int64), head.classes, head.threshold)
    else:
        figures = metrics.of_numbers(answers[:, 0], truth, head.interval(answers[:, 0]))
    kind = {"column": head.column, "name": head.name, "kind": head.kind}
    return {**kind, "figures": figures, "unknownLabels": unknown}


def _truth(head: Head, cells: Sequence[Any]) -> tuple[Any, Any, int]:
    """The rows that have an output, what it is, and how many outputs the machine has never seen."""
    if not head.classes:
        values, _ = numbers_of(cells, head.datatype)
        known = np.flatnonzero(np.isfinite(values))
        return known, values[known], 0
    places = {label_key(label): place for place, label in enumerate(head.classes)}
    keys = [label_key(cell) for cell in cells]
    labelled = [place for place, key in enumerate(keys) if key is not None]
    known = np.array([place for place in labelled if keys[place] in places], np.int64)
    return known, np.array([places[keys[place]] for place in known.tolist()], np.int64), len(labelled) - len(known)


def _counted(warned: Sequence[Warned]) -> list[dict[str, Any]]:
    """How many cells of each column were unusual, the most first."""
    counts: dict[tuple[str, str], int] = {}
    for each in warned:
        key = each.column, each.kind
        counts[key] = counts.get(key, 0) + 1
    most = sorted(counts.items(), key=lambda pair: -pair[1])[:WARNINGS_MAX]
    return [{"column": column, "issue": issue, "rows": count} for (column, issue), count in most]
