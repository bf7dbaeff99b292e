"""What each level does: how wide its networks are, how many members they have, which trees join."""

from dataclasses import dataclass, replace
from typing import Any

from app.learning.tables.requests import TableRequest

ACTIVATIONS = ("dense_relu", "dense_elu", "dense_selu", "dense_mish", "dense_sigmoid", "dense_softmax")


@dataclass(frozen=True)
class NetworkPlan:
    """One network; `twins` members share its layers."""

    widths: tuple[int, ...] = (128, 128, 128)
    activations: tuple[str, ...] = ()
    dropouts: tuple[float, ...] = (0.15, 0.15, 0.15)
    waves: int = 8
    twins: int = 1
    epochs: int = 64
    learning_rate: float | None = None


@dataclass(frozen=True)
class TreePlan:
    """One kind of boosted trees."""

    leaves: int = 31
    rows_per_leaf_min: int = 20
    learning_rate: float = 0.05
    features_share: float = 1.0
    trees_max: int = 1500


@dataclass(frozen=True)
class ForestPlan:
    """A forest of deep trees."""

    trees: int = 120
    features_share: float = 0.5


@dataclass(frozen=True)
class LevelPlan:
    """One level."""

    networks: tuple[NetworkPlan, ...]
    trees: tuple[TreePlan, ...]
    forest: ForestPlan | None = None
    folds: int = 4
    is_one_fold: bool = False
    is_weighted: bool = True
    is_searched: bool = False
    are_trees_bagged: bool = False
    seeds: int = 1
    text_width: int = 512
    usual_s: float = 60
    slowest_s: float = 600


WIDE = NetworkPlan((256, 256, 256), waves=16, epochs=128)
TWINS = NetworkPlan((256, 256), dropouts=(0.1, 0.1), waves=16, twins=8, epochs=96)
FLAT = TreePlan(leaves=8, trees_max=2000)
# Fewer trees, so that answers take less.
QUICK, QUICK_FLAT = TreePlan(learning_rate=0.07, trees_max=600), TreePlan(8, learning_rate=0.1, trees_max=700)
QUICK_FOREST = ForestPlan(trees=40)
PLANS = {
    1: LevelPlan(
        (NetworkPlan((96, 96, 96), dropouts=(0.0, 0.0, 0.0), waves=0),),
        (TreePlan(),),
        is_one_fold=True,
        is_weighted=False,
        text_width=256,
        usual_s=10,
        slowest_s=120,
    ),
    2: LevelPlan(
        (NetworkPlan(epochs=96),),
        (TreePlan(),),
        is_one_fold=True,
        is_weighted=False,
        text_width=256,
        usual_s=30,
        slowest_s=300,
    ),
    3: LevelPlan(
        (NetworkPlan(epochs=96),),
        (QUICK, QUICK_FLAT),
        QUICK_FOREST,
        is_searched=True,
        usual_s=120,
        slowest_s=900,
    ),
    4: LevelPlan(
        (replace(WIDE, epochs=96), TWINS),
        (TreePlan(), FLAT),
        ForestPlan(),
        are_trees_bagged=True,
        is_searched=True,
        usual_s=360,
        slowest_s=2400,
    ),
    5: LevelPlan(
        (WIDE, TWINS),
        (TreePlan(), FLAT, TreePlan(15, features_share=0.5, learning_rate=0.03)),
        ForestPlan(),
        folds=5,
        seeds=2,
        are_trees_bagged=True,
        is_searched=True,
        text_width=1024,
        usual_s=1200,
        slowest_s=7200,
    ),
}


def plan_of(request: TableRequest, inputs: int) -> LevelPlan:
    """The plan of a level, with the shape, the epochs and the trees that were asked for."""
    plan = PLANS[request.level]
    networks = plan.networks
    if request.shape:
        networks = tuple(_shaped(network, request.shape, inputs) for network in networks)
    if request.epochs_max is not None:
        networks = tuple(replace(each, epochs=min(each.epochs, request.epochs_max)) for each in networks)
        networks = networks if request.epochs_max else ()
    trees, forest = plan.trees, plan.forest
    if request.trees_max is not None:
        trees = tuple(replace(each, trees_max=min(each.trees_max, request.trees_max)) for each in trees)
        forest = forest and replace(forest, trees=min(forest.trees, request.trees_max))
    return replace(plan, networks=networks, trees=trees, forest=forest)


def _shaped(network: NetworkPlan, shape: Any, inputs: int) -> NetworkPlan:
    count = min(max(int(shape.get("HiddenLayerCount", 3)), 1), 9)
    layers = [_spread([shape.get(f"{name}{place}", usual) for place in (1, 2, 3)], count) for name, usual in _SHAPE]
    percentages, activations, dropouts = layers
    widths = tuple(
        min(max(int(percent / 100 * _between(inputs, count, place)), 1), 2048)
        for place, percent in enumerate(percentages)
    )
    named = tuple(each if each in ACTIVATIONS else "dense_relu" for each in activations)
    return replace(network, widths=widths, activations=named, dropouts=tuple(map(float, dropouts)))


_SHAPE = (("NeuronPercentage", 100), ("LayerTypeActivation", "dense_relu"), ("DropOut", 0.0))


def _between(inputs: int, count: int, place: int) -> float:
    """How many neurons 100 % are: as many as the inputs at first, fewer towards the output."""
    if count == 1:
        return (inputs + 1) / 2
    return (inputs * (count - 1 - place) + place) / (count - 1)


def _spread(three: list[Any], count: int) -> list[Any]:
    """Three values for so many layers: in between where they are numbers, the nearest where they are not."""
    if count == 1:
        return [sum(three) / 3 if all(isinstance(each, int | float) for each in three) else three[1]]
    spread = []
    for place in range(count):
        at = place * 2 / (count - 1)
        low = min(int(at), 1)
        first, second = three[low], three[low + 1]
        if isinstance(first, int | float) and isinstance(second, int | float):
            spread.append(first + (second - first) * (at - low))
        else:
            spread.append(first if at - low < 0.5 else second)
    return spread
