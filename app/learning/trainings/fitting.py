"""Fitting a network that tells buildings from the ground, over arrays alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from numpy.typing import NDArray

from app.learning.engine import Report
from app.learning.imagery.augmentation import Views
from app.learning.imagery.chips import BACKGROUND, BOUNDARY, BUILDING, IGNORE
from app.learning.imagery.mosaic import Pixels
from app.learning.trainings.epochs import Learned, learn
from app.learning.trainings.metrics import Confusion
from app.learning.trainings.resuming import Arrays, Keeper

T = TypeVar("T")
# AdamW without its rate. The rate is given to each step: so the compiled step, which takes longest to make, does not
# depend on the length of the training, and the compilation cache has it for the next one.
OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(), optax.add_decayed_weights(1e-2))
PATIENCE_EPOCHS = 10
CHIPS_JUDGED_AT_ONCE = 2
# After each epoch; all of them are judged at the end.
CHIPS_JUDGED_MAX = 8


class Network(Protocol):
    """What is fitted: images in, one logit per pixel out."""

    def __call__(self, images: Array) -> Array: ...

    def logits(self, views: Array) -> Array:
        """Of views, what it thinks of each class."""


N = TypeVar("N", bound=Network)


@dataclass(frozen=True)
class FitOptions(Generic[N]):
    """How a network learns: the share of the learning rate of each weight, 0 for what stays as it is."""

    rates: N
    learning_rate: float
    # How much of the average stays at a step. The average is judged and kept: it generalises better than one step.
    average_decay: float
    # What a later epoch may lose in IoU and yet be kept: of epochs that a small validation ground cannot tell apart,
    # the one after more steps at a lower rate is better elsewhere.
    iou_loss_max: float = 0.0


class _State(eqx.Module, Generic[N]):
    """What a step changes."""

    network: N
    average: N
    memory: optax.OptState
    key: Array


class _NetworkLearner(Generic[N]):
    """A network as it learns. The average over the last steps is judged and kept."""

    def __init__(self, network: N, options: FitOptions[N], validation: tuple[Pixels, Pixels], *, seed: int) -> None:
        self._state = _begin(network, options.rates, seed)
        self._options = options
        self._validation = _some(validation)

    def step(self, images: Pixels, masks: Pixels, share: float) -> float:
        rate = np.float32(self._options.learning_rate * share)
        given = map(jnp.asarray, (rate, images, masks))
        self._state, loss = _step(self._options.rates, self._options.average_decay, self._state, *given)
        return float(loss)

    def judged(self) -> tuple[float, float]:
        images, masks = self._validation
        loss, predicted = judged(self._state.average, images, masks)
        return loss, Confusion.of(predicted, masks).iou

    def weights(self) -> N:
        weights: N = jax.tree.map(np.asarray, self._state.average)
        return weights

    def state(self) -> Arrays:
        state = self._state
        return {"key": np.asarray(jax.random.key_data(state.key)), **_numbered(_learned(state))}

    def restore(self, state: Arrays) -> None:
        network, average, memory = _filled_in(_learned(self._state), state)
        self._state = _State(network, average, memory, jax.random.wrap_key_data(jnp.asarray(state["key"])))

    def packed(self, weights: N) -> Arrays:
        return _numbered(weights)

    def unpacked(self, arrays: Arrays) -> N:
        return _filled_in(self._state.average, arrays)


def _some(validation: tuple[Pixels, Pixels]) -> tuple[Pixels, Pixels]:
    """At most so many chips as are judged after an epoch, spread over all of them."""
    images, masks = validation
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), CHIPS_JUDGED_MAX)).round().astype(int))
    return images[chosen], masks[chosen]


def _learned(state: _State[N]) -> tuple[N, N, optax.OptState]:
    return state.network, state.average, state.memory


def _numbered(tree: Any) -> Arrays:
    return {str(index): np.asarray(leaf) for index, leaf in enumerate(jax.tree.leaves(tree))}


def _filled_in(tree: T, arrays: Arrays) -> T:
    """A tree of the same shape with other leaves."""
    leaves, structure = jax.tree.flatten(tree)
    filled: T = jax.tree.unflatten(structure, [np.array(arrays[str(index)]) for index in range(len(leaves))])
    return filled


def fit(
    network: N,
    views: Views,
    validation: tuple[Pixels, Pixels],
    options: FitOptions[N],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    report: Report,
    cancelled: Callable[[], bool],
    keeper: Keeper,
    ground: str,
) -> Learned[N]:
    """Train until the validation IoU has not risen for some epochs; keep the best."""
    return learn(
        _NetworkLearner(network, options, validation, seed=seed),
        views,
        epochs=epochs,
        batch_size=batch_size,
        patience=PATIENCE_EPOCHS,
        iou_loss_max=options.iou_loss_max,
        report=report,
        cancelled=cancelled,
        keeper=keeper,
        ground=ground,
    )


def _begin(network: N, rates: N, seed: int) -> _State[N]:
    # The zeros are NumPy's: JAX would compile a little program for every shape, which takes seconds.
    blank = jax.eval_shape(OPTIMIZER.init, eqx.filter(network, _moving(rates)))
    memory = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), blank)
    return _State(network, jax.tree.map(np.array, network), memory, jax.random.key(seed))


def _moving(rates: N) -> N:
    moving: N = jax.tree.map(lambda share: share > 0, rates)
    return moving


@eqx.filter_jit(donate="all")
def _step(
    rates: N, average_decay: float, state: _State[N], rate: Array, images: Array, masks: Array
) -> tuple[_State[N], Array]:
    key, own = jax.random.split(state.key)
    moving, still = eqx.partition(state.network, _moving(rates))

    def objective(moving: N) -> Array:
        logits = eqx.combine(moving, still).logits(jittered(images, own))
        return loss_of(logits[..., 0], masks) if logits.shape[-1] == 1 else loss_of_classes(logits, masks)

    loss, slopes = eqx.filter_value_and_grad(objective)(moving)
    directions, memory = OPTIMIZER.update(slopes, state.memory, moving)
    shares = eqx.filter(rates, _moving(rates))
    changes = jax.tree.map(lambda direction, share: -rate * share * direction, directions, shares)
    network = eqx.combine(eqx.apply_updates(moving, changes), still)
    # At first the average follows closely, so that a short training is more than the weights it began with.
    steps = optax.tree_utils.tree_get(memory, "count")
    decay = jnp.minimum(average_decay, (1 + steps) / (10 + steps))
    average = jax.tree.map(lambda a, b: a + (1 - decay) * (b - a), state.average, network)
    return _State(network, average, memory, key), loss


def jittered(images: Array, key: Array) -> Array:
    """Other light, another camera: saturation, contrast, tint and brightness of each image changed a little.

    Only a little: a roof's colour tells it from the ground, and stronger changes cost more IoU than they gave.
    """
    keys = jax.random.split(key, 4)
    one, three = (len(images), 1, 1, 1), (len(images), 1, 1, 3)
    x = images.astype(jnp.float32)
    grey, middle = x.mean(3, keepdims=True), x.mean((1, 2, 3), keepdims=True)
    x = grey + (x - grey) * jax.random.uniform(keys[0], one, minval=0.8, maxval=1.2)
    x = middle + (x - middle) * jax.random.uniform(keys[1], one, minval=0.85, maxval=1.15)
    x = x * jax.random.uniform(keys[2], three, minval=0.95, maxval=1.05)
    return jnp.clip(x + jax.random.uniform(keys[3], one, minval=-12.0, maxval=12.0), 0, 255)


def loss_of(logits: Array, masks: Array) -> Array:
    """Cross-entropy over known pixels, plus one minus the soft overlap with the buildings (Dice)."""
    known = (masks != IGNORE).astype(jnp.float32)
    truth = (masks == BUILDING).astype(jnp.float32)
    odds = jax.nn.sigmoid(logits) * known
    cross_entropy: Array = (optax.sigmoid_binary_cross_entropy(logits, truth) * known).sum() / jnp.maximum(
        known.sum(), 1
    )
    # The ones keep a batch without any building from dividing by zero.
    overlap = 1 - (2 * (odds * truth).sum() + 1) / (odds.sum() + truth.sum() + 1)
    return cross_entropy + overlap


def loss_of_classes(logits: Array, masks: Array) -> Array:
    """The same for four classes: cross-entropy over all of them, and overlap with whole footprints."""
    known = (masks != IGNORE).astype(jnp.float32)
    truth = jnp.where(masks == IGNORE, BACKGROUND, masks)
    cross_entropy = (optax.softmax_cross_entropy_with_integer_labels(logits, truth) * known).sum()
    odds = jax.nn.softmax(logits, axis=-1)[..., BUILDING : BOUNDARY + 1].sum(-1) * known
    footprints = ((truth == BUILDING) | (truth == BOUNDARY)).astype(jnp.float32) * known
    overlap = 1 - (2 * (odds * footprints).sum() + 1) / (odds.sum() + footprints.sum() + 1)
    loss: Array = cross_entropy / jnp.maximum(known.sum(), 1) + overlap
    return loss


def judged(network: Network, images: Pixels, masks: Pixels) -> tuple[float, NDArray[np.bool_]]:
    """The loss over some chips, and where the odds of a building are one half or more."""
    loss, predicted = 0.0, []
    for start in range(0, len(images), CHIPS_JUDGED_AT_ONCE):
        part = slice(start, start + CHIPS_JUDGED_AT_ONCE)
        count = len(images[part])
        part_loss, part_found = _judge(network, *_filled(images[part], masks[part]))
        loss += float(part_loss) * count / len(images)
        predicted.append(np.asarray(part_found)[:count])
    return loss, np.concatenate(predicted)


def _filled(images: Pixels, masks: Pixels) -> tuple[Array, Array]:
    """A batch of the one size that is compiled, filled up with chips that do not count."""
    missing = (0, CHIPS_JUDGED_AT_ONCE - len(images))
    return (
        jnp.asarray(np.pad(images, (missing, (0, 0), (0, 0), (0, 0)))),
        jnp.asarray(np.pad(masks, (missing, (0, 0), (0, 0)), constant_values=IGNORE)),
    )


@eqx.filter_jit
def _judge(network: Network, images: Array, masks: Array) -> tuple[Array, Array]:
    logits = network(images)
    return loss_of(logits, masks), logits >= 0
