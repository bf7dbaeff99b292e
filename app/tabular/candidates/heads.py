"""What answers for one output: candidates that were learned, how much each counts, and how sure the answer is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from app.tabular.candidates.forests import Forest
from app.tabular.candidates.network import Network, softmax
from app.tabular.candidates.trees import Trees, inputs_of
from app.tabular.inputs.cells import Numbers
from app.tabular.inputs.encoders import Dense, Matrix

Arrays = Mapping[str, NDArray[Any]]
NUMBER, CLASSES = "NUMBER", "CLASSES"
LEAST = 1e-15


@dataclass(frozen=True)
class Rows:
    """Encoded rows in the forms that candidates take."""

    matrix: Matrix
    dense: Dense
    tree_inputs: Numbers

    def __len__(self) -> int:
        return len(self.matrix)

    @classmethod
    def of(cls, matrix: Matrix, dense: Dense) -> Self:
        """From a matrix and what the encoders make of it."""
        return cls(matrix, dense, inputs_of(matrix.numbers, matrix.codes, matrix.texts))

    def take(self, rows: NDArray[np.int64]) -> "Rows":
        """Some of the rows."""
        dense = Dense(self.dense.numbers[rows], self.dense.wide[rows], self.dense.indexes[rows])
        return Rows(self.matrix.take(rows), dense, self.tree_inputs[rows])


@dataclass(frozen=True)
class Scale:
    """How a target was levelled to learn it, and between which values it lay."""

    mean: float = 0.0
    deviation: float = 1.0
    low: float = -np.inf
    high: float = np.inf

    def outwards(self, level: Numbers) -> Numbers:
        """Answers in the units of the target, within what was seen."""
        answers: Numbers = np.clip(level * self.deviation + self.mean, self.low, self.high)
        return answers


class Candidate(Protocol):
    """What was learned in one way; says probabilities (rows × classes) or numbers (rows × 1)."""

    @property
    def kind(self) -> str: ...

    def answers(self, rows: Rows) -> Numbers: ...

    def stored(self) -> tuple[dict[str, Any], Arrays]: ...


@dataclass(frozen=True)
class Constant:
    """The same answer for each row: the shares of the classes, or the mean."""

    values: Numbers
    kind: str = "constant"

    def answers(self, rows: Rows) -> Numbers:
        """The same for all."""
        return np.tile(self.values, (len(rows), 1))

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Facts and arrays."""
        return {}, {"values": self.values}


@dataclass(frozen=True)
class Neural:
    """A network; without hidden layers it is a linear model."""

    network: Network
    scale: Scale | None
    kind: str = "network"

    def answers(self, rows: Rows) -> Numbers:
        """The mean of what the members say."""
        return self._scaled(self.network.outputs(rows.dense))

    def member_answers(self, rows: Rows, member: int) -> Numbers:
        """What one member says."""
        return self._scaled(self.network.outputs(rows.dense, member))

    def _scaled(self, outputs: NDArray[np.float32]) -> Numbers:
        exact = outputs.astype(np.float64)
        if self.scale is None:
            odds: Numbers = softmax(exact).mean(0)
            return odds
        numbers: Numbers = self.scale.outwards(exact).mean(0)
        return numbers

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Facts and arrays."""
        scale = None if self.scale is None else vars(self.scale)
        return {"activations": list(self.network.activations), "scale": scale}, self.network.arrays


@dataclass(frozen=True)
class Boosted:
    """Boosted trees; of two classes they say the logit of the second."""

    trees: Trees
    scale: Scale | None
    kind: str = "trees"

    def answers(self, rows: Rows) -> Numbers:
        """Probabilities, or numbers."""
        return self.scaled(self.trees.outputs(rows.tree_inputs), self.scale)

    @staticmethod
    def scaled(sums: Numbers, scale: Scale | None) -> Numbers:
        """What the sums over trees mean."""
        if scale is not None:
            return scale.outwards(sums)
        if sums.shape[1] == 1:
            sums = np.concatenate([np.zeros_like(sums), sums], 1)
        odds: Numbers = softmax(sums)
        return odds

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Facts and arrays."""
        return {"scale": None if self.scale is None else vars(self.scale)}, self.trees.arrays


@dataclass(frozen=True)
class Forested:
    """A forest: the mean of what its trees say."""

    forest: Forest
    scale: Scale | None
    kind: str = "forest"

    def answers(self, rows: Rows) -> Numbers:
        """Probabilities, or numbers."""
        outputs = self.forest.outputs(rows.tree_inputs)
        return outputs if self.scale is None else self.scale.outwards(outputs)

    def stored(self) -> tuple[dict[str, Any], Arrays]:
        """Facts and arrays."""
        return {"scale": None if self.scale is None else vars(self.scale)}, self.forest.arrays


def restored(kind: str, facts: Mapping[str, Any], arrays: Arrays) -> Candidate:
    """What `stored` gave, as it was."""
    if kind == "constant":
        return Constant(arrays["values"])
    scale = None if facts["scale"] is None else Scale(**facts["scale"])
    if kind.startswith("trees"):
        return Boosted(Trees.read(arrays), scale, kind)
    if kind.startswith("forest"):
        return Forested(Forest.read(arrays), scale, kind)
    return Neural(Network(arrays, tuple(facts["activations"])), scale, kind)


@dataclass(frozen=True)
class Head:
    """One output. Answers of classes are cooled by a temperature, and no class is ever impossible."""

    column: str
    name: str
    datatype: str
    classes: tuple[str, ...] = ()
    candidates: Sequence[tuple[float, Candidate]] = field(default=())
    temperature: float = 1.0
    shares: tuple[float, ...] = ()
    floor: float = 0.0
    margin: float | None = None
    threshold: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def kind(self) -> str:
        """What it says."""
        return CLASSES if self.classes else NUMBER

    def answers(self, rows: Rows) -> Numbers:
        """Probabilities (rows × classes), or numbers (rows × 1)."""
        mixed = sum(weight * candidate.answers(rows) for weight, candidate in self.candidates)
        mixed = np.asarray(mixed, np.float64)
        return self.calibrated(mixed) if self.classes else mixed

    def calibrated(self, odds: Numbers) -> Numbers:
        """As sure as they are right."""
        if self.temperature != 1:
            odds = softmax(np.log(np.clip(odds, LEAST, 1)) / self.temperature)
        return (1 - self.floor) * odds + self.floor * np.array(self.shares)

    def interval(self, numbers: Numbers) -> tuple[Numbers, Numbers] | None:
        """Where the truth lies in nine of ten rows; never outside of what was seen by more than the margin."""
        if self.margin is None:
            return None
        return numbers - self.margin, numbers + self.margin
