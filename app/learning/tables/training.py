"""A training on a table, from rows to a machine: the plan of a level within a budget of seconds.

First everything is learned without the rows that are set aside, and judged on them: the figures are of this machine.
Then, if there is time and nobody forbade it, the same is learned once more with all rows: this machine answers.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from app.learning.engine import Cancelled, Report
from app.learning.tables import judging, weighing
from app.learning.tables.budgets.clocks import JUDGE_SHARE, SEARCH_SHARE, TREES_S_MIN, Clock
from app.learning.tables.budgets.leaving import unless_stopped
from app.learning.tables.budgets.progress import Progress
from app.learning.tables.candidates.base import Ground, Ints, Learned, Maker
from app.learning.tables.candidates.baselines import ConstantMaker, LinearMaker
from app.learning.tables.candidates.boosting import TreeMaker
from app.learning.tables.candidates.forests import ForestMaker
from app.learning.tables.plans import LevelPlan, plan_of
from app.learning.tables.requests import INPUT, OUTPUT, Table, TableRequest, check, read_rows
from app.learning.tables.samples import sampled
from app.learning.tables.splitting import MARKED, RANDOM, Sides, folds_of, sides_of
from app.learning.tables.suggestions import suggested
from app.learning.tables.targets import Target, scale_of, target_of
from app.tabular.candidates.heads import Candidate, Head, Rows
from app.tabular.inputs.cells import label_key
from app.tabular.inputs.encoders import Encoders
from app.tabular.predictor import Predictor

MACHINE, OUTCOME = "machine.safetensors", "outcome.json"
# Below this there is no time to compile a network.
NETWORK_S_MIN = 6.0
# What trees take of the time that is left, where networks follow: of a short budget they would take all.
TREES_SHARE = 0.45
# What networks take of the time that is left, and then other seeds of trees; the rest is for learning from all rows.
CANDIDATES_SHARE = 0.45
# By then a network has stopped by itself, unless it is not even compiled.
LEAVE_SHARE = 0.9
WEIGHT_LEAST = 0.04
# To start takes a second or two; a budget as short as that must leave time to learn.
START_SHARE_MAX = 0.1
# A network that may learn for less than this share of what it took is worse than the one that was judged.
REFIT_SHARE_MIN = 0.5


@dataclass(frozen=True)
class Learning:
    """One training: the request, the rows, and its progress."""

    request: TableRequest
    table: Table
    plan: LevelPlan
    clock: Clock
    progress: Progress


def learn(
    folder: Path,
    request: TableRequest,
    report: Report,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    began: float | None = None,
) -> dict[str, Any]:
    """Learn from the rows of a folder; leave the machine and its outcome there.

    The budget counts from when the process began, as `monotonic()` has it, but for what is more than a little of it.
    """
    here = monotonic()
    check(request)
    plan = plan_of(request, len(request.having(INPUT)))
    budget_s = request.budget_s or plan.usual_s
    start_s = 0.0 if began is None else min(here - began, START_SHARE_MAX * budget_s)
    clock = Clock(budget_s, cancelled, here - start_s)
    table = read_rows(folder, request)
    progress = Progress(clock, report)
    progress.stage("preparing", f"{len(table):,} rows")
    learning = Learning(request, table, plan, clock, progress)
    machine, outcome = machine_of(learning)
    (folder / MACHINE).write_bytes(machine.save())
    (folder / OUTCOME).write_text(json.dumps(outcome, allow_nan=False), encoding="utf-8")
    return {"artefacts": [MACHINE, OUTCOME], "stopped": outcome["stopped"]}


def machine_of(learning: Learning) -> tuple[Predictor, dict[str, Any]]:
    """The machine, and all that is to be known of it."""
    request, table, clock = learning.request, learning.table, learning.clock
    targets = [
        target_of(column, table.cells[str(column["id"])], request.class_weights) for column in request.having(OUTPUT)
    ]
    sides = sides_of(request, table, targets[0])
    aside = np.zeros(len(table), bool)
    aside[targets[0].rows[sides.evaluation]] = True
    began = clock.elapsed_s
    encoders, rows = _encoded(learning, ~aside)
    delays = {"encodersS": clock.elapsed_s - began, "importanceS": 0.0}
    heads, outputs = [], []
    for place, target in enumerate(targets):
        share = Clock(clock.budget_s * (place + 1) / len(targets), clock.cancelled, clock.began)
        own = sides if place == 0 else _same_sides(sides, targets[0], target, aside)
        head, outcome = _Output(replace(learning, clock=share), encoders, rows.take(target.rows), target, own).learned()
        delays["importanceS"] += outcome.pop("importanceS")
        heads.append(head)
        outputs.append(outcome)
    stopped = "CANCELLED" if clock.cancelled() else "BUDGET" if clock.left_s(SEARCH_SHARE) <= 0 else None
    outcome = {
        "level": request.level,
        "seed": request.seed,
        "budgetS": clock.budget_s,
        "tookS": round(clock.elapsed_s, 2),
        "stopped": stopped,
        "encodedInputs": _width(rows),
        "encodedOutputs": sum(len(target.classes) or 1 for target in targets),
        "delays": delays,
        "inputs": [
            {"column": each.column, "name": each.name, "encoders": encoders.names_of(each)}
            for each in encoders.encoders
        ],
        "outputs": outputs,
        "encodersSha256": encoders.sha256,
        "suggestions": _suggestions(learning, targets[0], sides),
        "warnings": _warnings(learning, encoders, targets),
    }
    facts = {"level": request.level, "seed": request.seed}
    return Predictor(encoders, heads, facts), outcome


def _width(rows: Rows) -> int:
    """How many numbers an encoded row has."""
    return int(rows.dense.numbers.shape[1] + rows.dense.wide.shape[1] + rows.dense.indexes.shape[1])


def _suggestions(learning: Learning, target: Target, sides: Sides) -> list[dict[str, Any]]:
    """Splits that would be more honest than one at random, if there is time to judge them."""
    if sides.by not in {RANDOM, MARKED}:
        return []
    # What is kept back of the budget is for this, too.
    clock = Clock(learning.clock.budget_s * JUDGE_SHARE / SEARCH_SHARE, learning.clock.cancelled, learning.clock.began)
    return suggested(learning.request, learning.table, target, clock)


def _encoded(learning: Learning, seen: Any) -> tuple[Encoders, Rows]:
    """Encoders that know only the rows which are not set aside, and all rows as these encode them."""
    columns, table = learning.request.having(INPUT), learning.table
    chosen = np.flatnonzero(seen).tolist()
    cells = [table.some(str(column["id"]), chosen) for column in columns]
    encoders = Encoders.fit(columns, cells, text_width=learning.plan.text_width, is_ranked=learning.request.level > 2)
    matrix, _ = encoders.encode(table.cells, len(table))
    return encoders, Rows.of(matrix, encoders.dense(matrix))


def _same_sides(sides: Sides, first: Target, target: Target, aside: Any) -> Sides:
    """The same rows are set aside for every output."""
    keys = None
    if sides.keys is not None:
        known = dict(zip(first.rows.tolist(), sides.keys.tolist(), strict=True))
        keys = np.array([known.get(row, 0) for row in target.rows.tolist()], np.int64)
    learning = ~aside[target.rows]
    return Sides(sides.by, np.flatnonzero(learning), np.flatnonzero(~learning), keys)


def _warnings(learning: Learning, encoders: Encoders, targets: Sequence[Target]) -> list[str]:
    known = {each.column for each in encoders.encoders}
    empty = [each["name"] for each in learning.request.having(INPUT) if str(each["id"]) not in known]
    warnings = [warning for target in targets for warning in target.warnings()]
    weighed = learning.request.class_weights
    if isinstance(weighed, Mapping):
        labels = {label_key(label) for target in targets for label in target.classes}
        unknown = [label for label in weighed if label_key(label) not in labels]
        warnings += [f'No row has the label "{label}", so its weight changed nothing.' for label in unknown]
    if empty:
        warnings.append(f"No rows have values of {', '.join(empty)}, so nothing was learned from them.")
    return warnings


class _Output:
    """The learning of one output."""

    def __init__(self, learning: Learning, encoders: Encoders, rows: Rows, target: Target, sides: Sides) -> None:
        self.is_first = target.column == str(learning.request.having(OUTPUT)[0]["id"])
        self.learning, self.encoders, self.sides, self.target = learning, encoders, sides, target
        self.clock, self.plan = learning.clock, learning.plan
        usual = "logLoss" if target.classes else "rmse"
        asked = learning.request.target_metric
        known = ("logLoss", "auc", "accuracy", "f1") if target.classes else ("rmse", "mae", "r2")
        self.metric: str = asked if asked is not None and asked in known else "mae" if self._is_absolute() else usual
        self.ground = self._ground(rows, sides.learning)

    def _is_absolute(self) -> bool:
        return self.learning.request.loss == "mae" and not self.target.classes

    def _ground(self, rows: Rows, used: Ints) -> Ground:
        folds = folds_of(self.target, self.sides, used, self.plan.folds, self.learning.request.seed)
        tried = tuple(range(self.plan.folds))[: 1 if self.plan.is_one_fold else None]
        scale = None if self.target.classes else scale_of(self.target.values[used])
        seed = self.learning.request.seed
        return Ground(rows, self.encoders, self.target, scale, used, folds, tried, self.metric, seed)

    def learned(self) -> tuple[Head, dict[str, Any]]:
        """The head, and what is to be known of it."""
        candidates = self._candidates()
        if self.clock.cancelled() and len(candidates) <= 1 and (self.is_first or not candidates):
            raise Cancelled
        weights = self._weights([learned for _, learned in candidates])
        head = self._head(self.ground, [learned.candidate for _, learned in candidates], weights)
        mixed = self._mixed(candidates, weights)
        head = self._calibrated(head, mixed)
        rows = self.sides.evaluation
        held_errors = mixed[:, 0] - self.target.values[self.ground.held]
        self.learning.progress.stage("evaluating", f"Judging on {len(rows):,} rows that nothing was learned from")
        timed = judging.timed_answers([learned.candidate for _, learned in candidates], self.ground.rows.take(rows))
        answers = np.sum([weight * each.answers for each, weight in zip(timed, weights, strict=True)], 0)
        figures, head = judging.judged(self.ground, head, answers, rows, held_errors)
        board = [
            judging.line(self.ground, learned, weight, rows, each)
            for (_, learned), weight, each in zip(candidates, weights, timed, strict=True)
        ]
        began = self.clock.elapsed_s
        shares = judging.importance(self.ground, head, self.encoders, rows, self.clock)
        importance_s = self.clock.elapsed_s - began
        samples = sampled(self.ground, head, self.encoders, self.sides.learning, rows, self.clock)
        refitted = self._refitted(head, candidates, weights)
        return refitted or head, {
            "column": self.target.column,
            "name": self.target.name,
            "kind": head.kind,
            "metric": self.metric,
            "split": self._said_split(),
            "figures": figures,
            "leaderboard": sorted(board, key=lambda line: -line["weight"]),
            "importance": shares,
            "importanceS": importance_s,
            "samples": samples,
            "temperature": head.temperature,
            "threshold": head.threshold,
            "margin": head.margin,
            "isRefitted": refitted is not None,
        }

    def _quick(self) -> list[Maker]:
        makers: list[Maker] = [ConstantMaker(), LinearMaker()]
        if self.plan.forest is not None and self.clock.left_s() >= TREES_S_MIN:
            makers.append(ForestMaker("forest", self.plan.forest))
        return makers

    def _trees(self, seed: int) -> list[Maker]:
        """Each kind of boosted trees, from one seed."""
        if self.clock.left_s() < TREES_S_MIN:
            return []
        suffix = f"-{seed + 1}" if seed else ""
        return [
            TreeMaker(f"trees-{place}{suffix}", trees, self.plan.are_trees_bagged, seed)
            for place, trees in enumerate(self.plan.trees, 1)
        ]

    def _networks(self) -> list[Maker]:
        """Networks come late: the time to import and to compile them must be there."""
        if not self.plan.networks or self.clock.left_s() < NETWORK_S_MIN or not self.encoders.encoders:
            return []
        from app.learning.tables.candidates.fitting import NetworkMaker  # noqa: PLC0415 (a second to import)

        plan, optimizer = self.plan, self.learning.request.optimizer
        return [
            NetworkMaker(f"network-{place + 1}", network, optimizer, plan.seeds, plan.is_searched)
            for place, network in enumerate(plan.networks)
        ]

    def _candidates(self) -> list[tuple[Maker, Learned]]:
        learned_so_far: list[tuple[Maker, Learned]] = []
        for maker in self._quick():
            self._add(learned_so_far, maker, self.clock)
        trees = self._trees(0)
        turns = self.clock.until(TREES_SHARE if self.plan.networks else 1).turns(len(trees))
        for maker, turn in zip(trees, turns, strict=True):
            self._add(learned_so_far, maker, turn)
        self._add_in_turn(learned_so_far, unless_stopped(self._networks, self._must_leave) or [])
        # Another seed says less that is new than another kind of candidate, so it comes after all of them.
        self._add_in_turn(learned_so_far, [each for seed in range(1, self.plan.seeds) for each in self._trees(seed)])
        return learned_so_far

    def _add_in_turn(self, learned_so_far: list[tuple[Maker, Learned]], makers: Sequence[Maker]) -> None:
        """Adds candidates, each within its part of the time that is left."""
        share = CANDIDATES_SHARE if self._may_refit() else 0.9
        for place, maker in enumerate(makers):
            self._add(learned_so_far, maker, self.clock.until(share / (len(makers) - place)))

    def _must_leave(self) -> bool:
        """Whether a network that is still imported or compiled is left behind: neither notices that time is over."""
        return self.clock.must_stop(LEAVE_SHARE)

    def _add(self, learned_so_far: list[tuple[Maker, Learned]], maker: Maker, clock: Clock) -> None:
        if learned_so_far and clock.must_stop():
            return
        if not self.encoders.encoders and learned_so_far:
            return
        is_stopped = self.clock.cancelled if clock is self.clock else self._must_leave
        learn = partial(maker.learn, self.ground, clock, self.learning.progress.say)
        # There is always a first candidate: it takes no time.
        learned = unless_stopped(learn, is_stopped) if learned_so_far else learn()
        if learned is None:
            return
        learned_so_far.append((maker, learned))
        # A constant alone is nothing to keep.
        score = judging.figure(self.ground, learned.held, self.ground.held) if len(learned_so_far) > 1 else None
        self.learning.progress.note_candidate(learned.name, self.metric, score)

    def _weights(self, learned: Sequence[Learned]) -> list[float]:
        if not self.plan.is_weighted:
            return weighing.best_of(self.ground, learned)
        weights = weighing.weights_of(self.ground, learned)
        kept = [weight if weight >= WEIGHT_LEAST else 0.0 for weight in weights]
        return [weight / sum(kept) for weight in kept]

    def _mixed(self, candidates: Sequence[tuple[Maker, Learned]], weights: Sequence[float]) -> Any:
        return sum(weight * learned.held for (_, learned), weight in zip(candidates, weights, strict=True))

    def _head(self, ground: Ground, candidates: Sequence[Any], weights: Sequence[float]) -> Head:
        target = self.target
        kept = [(weight, each) for weight, each in zip(weights, candidates, strict=True) if weight > 0]
        head = Head(target.column, target.name, target.datatype, target.classes, kept)
        if not target.classes:
            scale = ground.scale
            return head if scale is None else replace(head, low=scale.low, high=scale.high)
        counts = np.bincount(target.truth[ground.used], minlength=len(target.classes)) + 0.5
        return replace(head, shares=tuple((counts / counts.sum()).tolist()), floor=1 / (len(ground.used) + 100))

    def _calibrated(self, head: Head, mixed: Any) -> Head:
        if not head.classes:
            return head
        truth = self.target.truth[self.ground.held]
        if self.target.weights is None:
            head = replace(head, temperature=weighing.temperature_of(mixed, truth))
        threshold = weighing.threshold_of(head.calibrated(mixed), truth, self.metric)
        return replace(head, threshold=threshold)

    def _may_refit(self) -> bool:
        asked = self.learning.request.is_refitted
        return asked is not False

    def _refitted(
        self, head: Head, candidates: Sequence[tuple[Maker, Learned]], weights: Sequence[float]
    ) -> Head | None:
        """The same head learned from all rows, as far as there was time; None if nothing of it was."""
        if not self._may_refit() or self.clock.must_stop(SEARCH_SHARE):
            return None
        self.learning.progress.stage("refitting", "Learning once more from all rows")
        used = np.sort(np.concatenate([self.sides.learning, self.sides.evaluation]))
        ground = self._ground(self.ground.rows, used)
        # Nothing is judged any more, so what was kept back for that may be used.
        clock = Clock(self.clock.budget_s * JUDGE_SHARE / SEARCH_SHARE, self.clock.cancelled, self.clock.began)
        again, is_fresh = [], False
        for (maker, learned), weight in zip(candidates, weights, strict=True):
            if weight == 0:
                continue
            candidate = self._again(maker, learned, ground, clock)
            if self.clock.cancelled():
                return None
            # One that there was no time for stays as it was judged.
            again.append((weight, candidate or learned.candidate))
            is_fresh = is_fresh or candidate is not None
        if not is_fresh:
            return None
        fresh = self._head(ground, [each for _, each in again], [weight for weight, _ in again])
        return replace(head, candidates=again, shares=fresh.shares, floor=fresh.floor, low=fresh.low, high=fresh.high)

    def _again(self, maker: Maker, learned: Learned, ground: Ground, clock: Clock) -> Candidate | None:
        """One candidate learned from other rows; None if there is too little time for it to become as good."""
        if learned.kind == "network" and clock.left_s() < REFIT_SHARE_MIN * learned.fit_s:
            return None
        is_stopped = partial(self.clock.must_stop, 1.0) if learned.kind == "network" else self.clock.cancelled
        return unless_stopped(partial(maker.refit, ground, clock, self.learning.progress.say, learned), is_stopped)

    def _said_split(self) -> dict[str, Any]:
        return {
            "by": self.sides.by,
            "column": self.learning.request.split.get("column"),
            "isMarked": self.sides.by == MARKED or bool(self.learning.request.split.get("is_marked")),
            "learningRows": len(self.sides.learning),
            "evaluationRows": len(self.sides.evaluation),
        }
