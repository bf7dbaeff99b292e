"""The request of a training on a table: the columns, the rows, and how far it may go."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.learning.engine import Failure, Request
from app.tabular.datatypes import UNPREDICTABLE

ROWS = "rows.ndjson"
INPUT, OUTPUT = "INPUT", "OUTPUT"
LEARNING, EVALUATION = "LEARNING", "EVALUATION"


@dataclass(frozen=True)
class TableRequest(Request):
    """`columns`: `{id, name, datatype, role}`, in the order of the cells of a row.

    `split`: `{by: RANDOM | TIME | GROUP | MARKED, column, evaluation_share, seed, is_marked}`; by default as the
    rows are marked, or at random. Rows that are marked by time or group have both: marks set them aside, the column
    makes folds.
    A line of `rows.ndjson` is an array of the cells and, last, the purpose: LEARNING, EVALUATION or null.
    """

    columns: Sequence[dict[str, Any]]
    level: int = 1
    budget_s: float | None = None
    seed: int = 0
    split: Mapping[str, Any] = field(default_factory=dict)
    target_metric: str | None = None
    loss: str | None = None
    optimizer: str = "adam"
    shape: Mapping[str, Any] | None = None
    class_weights: str | Mapping[str, float] | None = None
    is_refitted: bool | None = None
    epochs_max: int | None = None
    trees_max: int | None = None

    def having(self, role: str) -> list[dict[str, Any]]:
        """The columns of a role."""
        return [column for column in self.columns if column["role"] == role]


@dataclass(frozen=True)
class Table:
    """The rows, as columns of cells by the ids of the columns, and what each row is marked for."""

    cells: Mapping[str, list[Any]]
    purposes: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.purposes)

    def some(self, column: str, rows: Sequence[int]) -> list[Any]:
        """The cells of a column in some rows."""
        cells = self.cells[column]
        return [cells[row] for row in rows]


def read_rows(folder: Path, request: TableRequest) -> Table:
    """The rows of the folder."""
    ids = [str(column["id"]) for column in request.columns]
    cells: list[list[Any]] = [[] for _ in ids]
    purposes: list[str | None] = []
    with (folder / ROWS).open(encoding="utf-8") as lines:
        for line in lines:
            *row, purpose = json.loads(line)
            for column, cell in zip(cells, row, strict=True):
                column.append(cell)
            purposes.append(purpose)
    return Table(dict(zip(ids, cells, strict=True)), purposes)


def check(request: TableRequest) -> None:
    """Raises `Failure` if nothing could be learned from such columns."""
    if not request.having(INPUT):
        raise Failure("There is no input column. Give at least one column the role INPUT.")
    if not (outputs := request.having(OUTPUT)):
        raise Failure("There is no output column. Give at least one column the role OUTPUT.")
    for column in outputs:
        if column["datatype"] in {each.value for each in UNPREDICTABLE}:
            raise Failure(
                f"{column['name']} is of the datatype {column['datatype']}, which cannot be predicted. "
                "Choose an output of another datatype, or set the datatype LABEL."
            )
    if request.level not in range(1, 6):
        raise Failure("The level must be a number from 1 to 5.")
