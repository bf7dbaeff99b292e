"""How a network learns: its members, their rows and rates, a small search, and when it ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, cos, log2, pi
from time import monotonic
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from app.learning.tables.budgets.clocks import Clock
from app.learning.tables.candidates.base import Ground, Ints, Learned, Say
from app.learning.tables.candidates.networks import Design, Sizes, begun, drawn, kept, round_of
from app.learning.tables.plans import NetworkPlan
from app.tabular.candidates.heads import Candidate, Neural
from app.tabular.candidates.network import Network
from app.tabular.inputs.cells import Numbers

STEPS_PER_ROUND_MAX = 32
HELD_MAX = 4096
BUCKET = 1.2
RATES = {True: 0.04, False: 0.1}
# What the search tries: the learning rate, as a multiple of the usual one, and the dropout beside the plan's.
SETTINGS = ((1.0, 1.0), (0.4, 1.0), (1.0, 2.0), (2.0, 1.0), (0.4, 2.0), (1.0, 0.0), (0.4, 0.0), (2.0, 2.0))
SEARCH_SHARE = 0.3
SEARCH_EPOCHS_SHARE = 0.3
Setting = tuple[float, float]


@dataclass(frozen=True)
class NetworkMaker:
    """A network with a member for each fold that is tried and each seed."""

    name: str
    plan: NetworkPlan
    optimizer: str = "adam"
    seeds: int = 1
    is_searched: bool = False

    def learn(self, ground: Ground, clock: Clock, say: Say) -> Learned | None:
        """Find a setting, then learn on all folds; what a member says of its held rows weighs it."""
        began = monotonic()
        setting = SETTINGS[0]
        folds = [fold for _ in range(self.seeds) for fold in ground.tried]
        if self.is_searched and len(folds) > 1:
            setting = self._search(ground, clock.until(SEARCH_SHARE), say, len(folds))
        fit = _Fit(self, ground, folds, [setting] * len(folds), ground.seed)
        arrays, _ = fit.run(clock, f"Training {self.name}", say, self.plan.epochs)
        if arrays is None:
            return None
        network = Neural(Network(arrays, fit.design.activations), ground.scale, self.name)
        answers = [_mean_of(network, ground, fold, folds) for fold in ground.tried]
        fold_losses = tuple(ground.loss(each, ground.held_in(f)) for each, f in zip(answers, ground.tried, strict=True))
        epochs = round(fit.rounds * fit.steps / fit.steps_per_epoch)
        facts = {"setting": list(setting), "rounds": fit.rounds, "epochs": max(epochs, 1), "batch": fit.batch}
        return Learned(self.name, "network", np.concatenate(answers), fold_losses, network, monotonic() - began, facts)

    def refit(self, ground: Ground, clock: Clock, say: Say, learned: Learned) -> Candidate | None:
        """The same with other rows."""
        rate_factor, dropout = learned.facts["setting"]
        folds = [fold for _ in range(self.seeds) for fold in ground.tried]
        fit = _Fit(self, ground, folds, [(rate_factor, dropout)] * len(folds), ground.seed)
        arrays, _ = fit.run(clock, f"Training {self.name} on all rows", say, self.plan.epochs)
        return None if arrays is None else Neural(Network(arrays, fit.design.activations), ground.scale, self.name)

    def _search(self, ground: Ground, clock: Clock, say: Say, members: int) -> Setting:
        """Each member tries another setting on the same fold, for a while."""
        settings = [SETTINGS[place % len(SETTINGS)] for place in range(members)]
        fit = _Fit(self, ground, [ground.tried[0]] * members, settings, ground.seed)
        _, losses = fit.run(clock, f"Searching for {self.name}", say, ceil(self.plan.epochs * SEARCH_EPOCHS_SHARE))
        return settings[int(np.argmin(losses))] if np.isfinite(losses).any() else SETTINGS[0]


def _mean_of(network: Neural, ground: Ground, fold: int, folds: list[int]) -> Numbers:
    """What the members that did not learn from a fold say of its rows."""
    rows = ground.rows.take(ground.held_in(fold))
    own = [network.member_answers(rows, member) for member, each in enumerate(folds) if each == fold]
    return np.asarray(np.mean(own, 0), np.float64)


class _Fit:
    """One run over all members."""

    def __init__(
        self, maker: NetworkMaker, ground: Ground, folds: list[int], settings: list[Setting], seed: int
    ) -> None:
        plan = maker.plan
        self.ground, self.folds, self.rounds = ground, folds, 0
        usual = "dense_mish" if ground.scale else "dense_selu"
        activations = plan.activations or (usual,) * len(plan.widths)
        is_absolute = ground.scale is not None and ground.metric == "mae"
        self.design = Design(
            ground.outputs, ground.scale is None, is_absolute, activations, plan.twins, maker.optimizer
        )
        self.random = np.random.default_rng(seed)
        self.seed = seed
        learned = [ground.learned_in(fold) for fold in folds]
        self.batch = 256 if len(learned[0]) >= 2000 else 128 if len(learned[0]) >= 500 else 32
        self.steps_per_epoch = max(1, ceil(len(learned[0]) / self.batch))
        self.steps = min(self.steps_per_epoch, STEPS_PER_ROUND_MAX)
        self.streams = [_stream(rows, np.random.default_rng((seed, place))) for place, rows in enumerate(learned)]
        self.rate = plan.learning_rate or RATES[ground.scale is None]
        if maker.optimizer == "sgd":
            self.rate /= 4
        self.member = {
            "rate_factor": np.array([rate_factor for rate_factor, _ in settings], np.float32),
            "dropouts": np.array(
                [[min(each * share, 0.6) for each in plan.dropouts] for _, share in settings], np.float32
            ),
        }
        self.data = _padded(ground)
        self.held = self._held()
        self.state = begun(self.design, self._drawn(plan, learned))

    def _drawn(self, plan: NetworkPlan, learned: list[Ints]) -> list[dict[str, Any]]:
        dense = self.ground.rows.dense
        tables = tuple(self.ground.encoders.labels[place].width for place in self.ground.encoders.embedded)
        sizes = Sizes(dense.numbers.shape[1], dense.wide.shape[1], tables, plan.widths, plan.waves)
        drawn_ = []
        for rows in learned:
            chosen = self.random.choice(rows, min(len(rows), 512), replace=False)
            drawn_.append(drawn(self.design, sizes, self.ground.rows.take(chosen).dense, self.random))
        return drawn_

    def _held(self) -> tuple[Any, Any]:
        """The held rows of each member, filled up to one length, and how much each counts."""
        each = [self.ground.held_in(fold) for fold in self.folds]
        length = min(_bucket(ceil(len(self.ground.target.rows) / (self.ground.folds.max() + 1))), HELD_MAX)
        length = max(length, min(max(map(len, each)), HELD_MAX))
        rows, shares = np.zeros((len(each), length), np.int32), np.zeros((len(each), length), np.float32)
        for place, held in enumerate(each):
            some = held if len(held) <= length else self.random.choice(held, length, replace=False)
            rows[place, : len(some)], shares[place, : len(some)] = some, 1
        return rows, shares

    def run(self, clock: Clock, what: str, say: Say, epochs: int) -> tuple[Any, NDArray[np.float32]]:
        """The best weights of each member, and their losses; None if there was no time for a round."""
        round_ = round_of(self.design)
        planned = max(1, ceil(epochs * self.steps_per_epoch / self.steps))
        done, took = 0.0, 0.0
        losses = np.full(len(self.folds), np.inf, np.float32)
        while done < 1 and not clock.must_stop():
            began = monotonic()
            share = 1 / planned
            if self.rounds:
                # The rates go down to nothing when time ends, not later.
                share = max(share, took * (1 - done) / max(clock.left_s(), took))
            plan, seed = self._plan(done, min(share, 1 - done)), np.uint32(self.seed * 100_003 + self.rounds)
            self.state, _ = round_(self.state, self.data, self.member, self.held, plan, seed)
            losses = np.asarray(self.state[3])
            now = monotonic() - began
            took = now if self.rounds < 2 else 0.7 * took + 0.3 * now
            done, self.rounds = done + share, self.rounds + 1
            say(f"{what}: {min(done, 1):.0%}")
        weights = self.state[2]
        return (kept(weights) if np.isfinite(losses).all() else None), losses

    def _plan(self, done: float, share: float) -> tuple[Any, ...]:
        """The rows, the rate, and the share of dropout and decay of each step."""
        places = [done + share * (step + 0.5) / self.steps for step in range(self.steps)]
        size = self.steps * self.batch
        rows = np.stack([_next(stream, size).reshape(self.steps, self.batch) for stream in self.streams], 1)
        rates = np.array([self.rate * _rate(place) for place in places], np.float32)
        steady = np.array([_steady(place) for place in places], np.float32)
        return rows, rates, steady


def _rate(place: float) -> float:
    """Four waves, each twice as long as the one before; from nothing to nothing."""
    return (1 - cos(2 * pi * log2(1 + 15 * min(place, 1)))) / 2


def _steady(place: float) -> float:
    """All until half time, then along a cosine to nothing."""
    return 1.0 if place < 0.5 else (1 + cos(pi * (2 * min(place, 1) - 1))) / 2


def _stream(rows: Ints, random: np.random.Generator) -> Iterator[Ints]:
    while True:
        yield random.permutation(rows)


def _next(stream: Iterator[Ints], size: int) -> NDArray[np.int32]:
    """The next rows of a stream; what is left of the last permutation is not used."""
    batches: list[Ints] = []
    while sum(map(len, batches)) < size:
        batches.append(next(stream))
    return np.concatenate(batches)[:size].astype(np.int32)


def _bucket(count: int) -> int:
    """A number of rows rounded up, so that tables of about the same length share what is compiled."""
    size = 64.0
    while size < count:
        size *= BUCKET
    return ceil(size)


def _padded(ground: Ground) -> tuple[Any, ...]:
    """All rows, filled up to one of few lengths."""
    dense = ground.rows.dense
    rows = len(ground.rows)
    weights = ground.weights_of(np.arange(rows))
    counts = np.ones(rows) if weights is None else weights
    fill = _bucket(rows) - rows
    arrays = (dense.numbers, dense.wide, dense.indexes, ground.levels().astype(np.float32), counts.astype(np.float32))
    return tuple(jax.device_put(np.pad(each, [(0, fill), *[(0, 0)] * (each.ndim - 1)])) for each in arrays)
