"""What the tables of machines ask of random rows."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from app.models.automl.market import PurchaseState
from app.tabular.choices import MachineStatus, WorkStatus

Rows = list[dict[str, Any]]
PROFILE = {
    "rows": 9,
    "missing": 0,
    "missing_percentage": 0.5,
    "distinct": 3,
    "frequent": None,
    "top": [["Roofs", 4], [0.1, 2]],
    "mean": 1e-9,
    "histogram": {"edges": [0.0, 0.1, 2.5], "counts": [4, 5]},
    "text": {"digit": 0.25},
    "languages": {"en": 1.0},
}
BIN = {"from": 0.5, "to": 0.6, "rows": 3, "confidence": 0.55, "accuracy": 1.0}
CURVES = {name: [1e-9, 0.5] for name in ("threshold", "truePositiveRate", "falsePositiveRate", "precision")}
JUDGED = {
    "name": "kind",
    "kind": "CLASSES",
    "figures": {
        "rows": 9,
        "logLoss": 0.1,
        "uncalibratedLogLoss": 1e-9,
        "auc": None,
        "accuracy": 1.0,
        "f1": 0.25,
        "classes": ["Ja", "Nein"],
        "confusion": [[4, 0], [1, 4]],
        "calibration": {"expectedError": 0.1, "bins": [BIN]},
        "curves": CURVES,
    },
}
FIGURES = {
    "outputs": [
        {
            **JUDGED,
            "metric": "logLoss",
            "split": {"by": "GROUP", "column": "person", "learningRows": 40, "evaluationRows": 9, "isMarked": True},
            "leaderboard": [
                {
                    "name": "linear",
                    "kind": "linear",
                    "metric": "logLoss",
                    "score": None,
                    "foldScores": [0.1, None],
                    "weight": 1.0,
                    "fitS": 0.01,
                    "predictS": 1e-9,
                    "bytes": 2**40,
                    "facts": {},
                }
            ],
            "importance": [{"name": "size", "share": 1.0, "lossIncrease": 0.1, "spread": None, "extremesShare": 0.5}],
            "temperature": 1.0,
            "threshold": None,
            "margin": 0.1,
            "isRefitted": True,
        }
    ],
    "suggestions": [
        {
            "by": "TIME",
            "name": "when",
            "metric": "r2",
            "randomScore": 0.9,
            "score": -1e-9,
            "isLoud": True,
            "message": "Split by time.",
        }
    ],
}
NOTES = {"issues": [["LEAK", "It is the answer."]], "examples": ["1", "東京"]}


def _fit_table_readings(random: Random, rows: Rows) -> None:
    column = {"name": "x", "position": 0, "datatype": "DATE", "reason": "Dates.", "role": "INPUT", "decimal": None}
    column |= {"date_order": "DMY", "description": None, "examples": ["1"], "missing_percentage": 0.5}
    column |= {"issues": [["LEAK", "It is the answer."]]}
    for row in rows:
        row["report"] = random.choice([{}, {"sheets": ["A"], "notes": [], "columns": [column]}])


def _fit_machines(random: Random, rows: Rows) -> None:
    for row in rows:
        row |= {
            "machine_level": random.randint(1, 5),
            "deleted_at": None if random.random() < 0.9 else row["created_at"],
        }
        if row["status"] is MachineStatus.FAILED:
            row["failure"] = "It broke."


def _fit_machine_columns(random: Random, rows: Rows) -> None:
    for row in rows:
        row["position"] = row["id"]
        row |= {"decimal": random.choice([None, ".", ","]), "date_order": random.choice([None, "YMD", "MDY"])}
        row |= {"notes": random.choice([{}, NOTES]), "profile": random.choice([{}, PROFILE])}


def _fit_machine_lines(random: Random, rows: Rows) -> None:
    for row in rows:
        purposes = ["is_for_learning", "is_for_evaluation", "is_for_solving"]
        row.update(dict.fromkeys(purposes, False) | {random.choice(purposes): True})
        row["values"] = [random.choice([None, 0.1, "Roofs", {"a": 1}]) for _ in range(random.randint(0, 40))]


def _fit_data_lines_operations(random: Random, rows: Rows) -> None:
    machines = set()
    for row in list(rows):
        row |= {"is_added_for_learning": random.random() < 0.5}
        row["is_added_for_solving"] = not row["is_added_for_learning"]
        key = row["machine_id"], row["is_added_for_learning"]
        if key in machines:
            rows.remove(row)
        machines.add(key)


def _fit_machine_table_locks(random: Random, rows: Rows) -> None:
    del random
    for row in rows:
        row["table_name"] = f"machine_lines_{row['id']}"


def _fit_nn_models(random: Random, rows: Rows) -> None:
    for row in rows:
        row |= {"version": row["id"], "figures": random.choice([None, FIGURES])}


def _fit_works(random: Random, rows: Rows) -> None:
    unfinished = set()
    for row in rows:
        key = row["machine_id"], row["kind"]
        if row["status"] in {WorkStatus.WAITING_FOR_SERVER, WorkStatus.PROCESSING} and key in unfinished:
            row["status"] = WorkStatus.FINISHED
        unfinished.add(key)
        row["progress"] = random.choice([0.0, 1.0, random.random()])
        row["failure"] = "It broke." if row["status"] is WorkStatus.ERROR else None
        row["figures"] = random.choice([None, {"tookS": 0.1}, {"outputs": [JUDGED]}])


def _fit_servers(random: Random, rows: Rows) -> None:
    del random
    for row in rows:
        row["server_name"] = f"server {row['id']}"


def _once(rows: Rows, *keys: str) -> None:
    """Leaves one row for each value of the keys."""
    seen = set()
    for row in list(rows):
        key = tuple(row[each] for each in keys)
        if key in seen:
            rows.remove(row)
        seen.add(key)


def _fit_listings(random: Random, rows: Rows) -> None:
    for row in rows:
        row |= {"sample_line_count": random.randint(0, 9), "buyers_count": random.randint(0, 2), "reviews_count": 1}
        row |= {name: random.choice([None, 1, 2**31 - 1]) for name in ("caller_lines_per_day_notice", MOST)}
        row["rating"] = random.choice([0.0, 2.5, 4.25])
    _once(rows, "machine_id", "kind")


def _fit_purchases(random: Random, rows: Rows) -> None:
    bought = set()
    for row in rows:
        key = row["buyer_id"], row["machine_id"], row["kind"]
        if key in bought:
            row["state"] = PurchaseState.FAILED
        bought.add(key)
        row["job_key"] = random.choice([None, row["id"]])


def _fit_listing_usages(random: Random, rows: Rows) -> None:
    for row in rows:
        row |= {"day": date(2020, 1, 1) + timedelta(days=row["id"]), "calls_count": 1, "lines_count": 2**40}


def _fit_listing_reviews(random: Random, rows: Rows) -> None:
    for row in rows:
        row["stars"] = random.randint(1, 5)
    _once(rows, "listing_id", "user_id")


MOST = "caller_lines_per_day_max"
FIT: dict[str, Callable[[Random, Rows], None]] = {
    "table_readings": _fit_table_readings,
    "machines": _fit_machines,
    "machine_columns": _fit_machine_columns,
    "machine_lines": _fit_machine_lines,
    "data_lines_operations": _fit_data_lines_operations,
    "machine_table_locks": _fit_machine_table_locks,
    "nn_models": _fit_nn_models,
    "works": _fit_works,
    "servers": _fit_servers,
    "listings": _fit_listings,
    "purchases": _fit_purchases,
    "listing_usages": _fit_listing_usages,
    "listing_reviews": _fit_listing_reviews,
}
