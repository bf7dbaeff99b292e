"""When a random split would lie: rows of one person, or of neighbouring days, on both sides.

A date suggests to split by time, an identifier that repeats to split by group. Small trees are judged both ways, so
that one sees what the difference is.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from app.learning.engine import Failure
from app.learning.tables.budgets.clocks import TREES_S_MIN, Clock
from app.learning.tables.candidates.base import Ground
from app.learning.tables.candidates.boosting import TreeMaker
from app.learning.tables.judging import figure
from app.learning.tables.plans import TreePlan
from app.learning.tables.requests import INPUT, Table, TableRequest
from app.learning.tables.splitting import GROUP, RANDOM, TIME, Sides, sides_of
from app.learning.tables.targets import Target, scale_of
from app.tabular.candidates.heads import Boosted, Rows
from app.tabular.inputs.cells import label_key
from app.tabular.inputs.encoders import Encoders

NAMED = re.compile(
    r"(?i)(^|[^a-z])(ids?|no|nr|subject|patient|person|participant|customer|client|user|group|#)([^a-z]|$)|#"
)
GROUPS_MIN, ROWS_PER_GROUP_MIN = 5, 2
DATES_MIN = 10
SMALL = TreePlan(leaves=8, learning_rate=0.2, trees_max=40)
DIFFERS = 0.1


def suggested(request: TableRequest, table: Table, target: Target, clock: Clock) -> list[dict[str, Any]]:
    """Splits that would be more honest, each with the figure of both ways; the one that differs most first."""
    suggestions: list[dict[str, Any]] = []
    if clock.left_s() < TREES_S_MIN:
        return suggestions
    random_score: float | None = None
    for column in request.columns:
        by = _way_of(column, table, target)
        if by is None or clock.must_stop():
            continue
        try:
            if random_score is None:
                random_score = _score(replace(request, split={"by": RANDOM}), table, target, clock, without=None)
            score = _score(
                replace(request, split={"by": by, "column": str(column["id"])}),
                table,
                target,
                clock,
                without=str(column["id"]) if by == GROUP else None,
            )
        except Failure:
            continue  # too few rows to judge this way
        if score is not None and random_score is not None:
            suggestions.append(_suggestion(column, by, "logLoss" if target.classes else "r2", random_score, score))
    return sorted(suggestions, key=lambda each: -abs(each["score"] - each["randomScore"]))


def _way_of(column: Mapping[str, Any], table: Table, target: Target) -> str | None:
    if str(column["id"]) == target.column:
        return None
    cells = table.some(str(column["id"]), target.rows.tolist())
    if column["datatype"] in {"DATE", "DATETIME"}:
        return TIME if len({cell for cell in cells if cell is not None}) >= DATES_MIN else None
    if column["datatype"] in {"LANGUAGE", "JSON", "TIME"} or not NAMED.search(str(column["name"])):
        return None
    groups = len({key for cell in cells if (key := label_key(cell)) is not None})
    return GROUP if GROUPS_MIN <= groups <= len(cells) / ROWS_PER_GROUP_MIN else None


def _score(request: TableRequest, table: Table, target: Target, clock: Clock, *, without: str | None) -> float | None:
    """How good small trees are on the rows that a split sets aside."""
    sides = sides_of(request, table, target)
    columns = [column for column in request.having(INPUT) if str(column["id"]) != without]
    learned = target.rows[sides.learning].tolist()
    cells = [table.some(str(column["id"]), learned) for column in columns]
    encoders = Encoders.fit(columns, cells, text_width=64, is_ranked=False)
    if not encoders.encoders:
        return None
    asked = {str(column["id"]): table.some(str(column["id"]), target.rows.tolist()) for column in columns}
    matrix, _ = encoders.encode(asked, len(target.rows))
    ground = _ground(Rows.of(matrix, encoders.dense(matrix)), encoders, target, sides, request.seed)
    trees = TreeMaker("trees", SMALL, is_bagged=False).grown(ground, ground.used, clock, count=SMALL.trees_max)
    if trees is None:
        return None
    answers = Boosted(trees, ground.scale).answers(ground.rows.take(sides.evaluation))
    return figure(ground, answers, sides.evaluation)


def _ground(rows: Rows, encoders: Encoders, target: Target, sides: Sides, seed: int) -> Ground:
    scale = None if target.classes else scale_of(target.values[sides.learning])
    folds = np.zeros(len(sides.learning), np.int64)
    metric = "logLoss" if target.classes else "r2"
    return Ground(rows, encoders, target, scale, sides.learning, folds, (0,), metric, seed)


def _suggestion(column: Mapping[str, Any], by: str, metric: str, random_score: float, score: float) -> dict[str, Any]:
    differs = abs(score - random_score) > DIFFERS * max(abs(random_score), 1e-9)
    why = (
        f"{column['name']} is a date, and the rows to be answered will be later than those that are known."
        if by == TIME
        else f"{column['name']} repeats, so rows of the same one are learned from and judged by."
    )
    how = "by time" if by == TIME else "by group"
    result = f"Small trees reach {metric} {random_score:.3g} on random rows and {score:.3g} if split {how}."
    advice = f" Split {how}, or believe no figure." if differs else ""
    return {
        "by": by,
        "column": str(column["id"]),
        "name": column["name"],
        "metric": metric,
        "randomScore": random_score,
        "score": score,
        "isLoud": differs,
        "message": f"{why} {result}{advice}",
    }
