"""The parts of a training on a table: gradients, two forward passes, trees as scikit-learn has them, weights."""

import jax
import numpy as np
import pytest
from jax.test_util import check_grads

from app.learning.tables import weighing
from app.learning.tables.budgets.clocks import Clock
from app.learning.tables.candidates import networks
from app.learning.tables.candidates.base import Ground
from app.learning.tables.candidates.boosting import TreeMaker, read_trees
from app.learning.tables.candidates.forests import read_forest
from app.learning.tables.candidates.networks import Design, Sizes, drawn, forward, kept, losses
from app.learning.tables.plans import PLANS, TreePlan, plan_of
from app.learning.tables.requests import TableRequest
from app.learning.tables.targets import Target, scale_of
from app.tabular.candidates.heads import Rows
from app.tabular.candidates.network import ACTIVATIONS, Network
from app.tabular.inputs.encoders import Dense, Matrix
from app.tabular.metrics import log_loss

RANDOM = np.random.default_rng(4)
ROWS = 12
DENSE = Dense(
    RANDOM.normal(size=(ROWS, 3)).astype(np.float32),
    RANDOM.integers(0, 2, (ROWS, 2)).astype(np.float32),
    RANDOM.integers(0, 11, (ROWS, 1)).astype(np.int32),
)
INPUTS = (DENSE.numbers, DENSE.wide, DENSE.indexes)


def begun(design, waves=2):
    sizes = Sizes(3, 2, (11,), (5,) * len(design.activations), waves)
    weights = drawn(design, sizes, DENSE, np.random.default_rng(1))
    weights["last_weight"] = RANDOM.normal(size=weights["last_weight"].shape).astype(np.float32)
    return weights


@pytest.mark.parametrize(
    ("activations", "twins"), [((name,), 1) for name in ACTIVATIONS] + [(("dense_mish", "dense_selu"), 3)]
)
def test_numpy_says_what_jax_says(activations, twins):
    design = Design(2, True, False, activations, twins, "adam")
    weights = begun(design)

    with jax.disable_jit():
        learned = forward(weights, design, INPUTS)
    arrays = kept({name: each[None] for name, each in weights.items()})

    np.testing.assert_allclose(Network(arrays, activations).outputs(DENSE), learned, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("is_classes", [True, False])
def test_gradients_are_those_of_the_loss(is_classes):
    design = Design(3 if is_classes else 1, is_classes, False, ("dense_mish",), 2, "adam")
    target = RANDOM.integers(0, 3, ROWS).astype(np.float32)

    def loss(weights):
        return losses(design, forward(weights, design, INPUTS), target).mean()

    check_grads(jax.jit(loss), (begun(design),), order=1, modes=["rev"], eps=1e-2, atol=0.02, rtol=0.05)


def test_each_neuron_is_as_active_as_the_others_at_first():
    design = Design(1, False, False, ("dense_relu",), 1, "adam")
    weights = begun(design)

    arrays = kept({name: each[None] for name, each in weights.items()})
    joined = np.concatenate([DENSE.numbers, DENSE.wide], 1)

    assert joined.shape[1] < arrays["weight0"].shape[1]
    assert set(map(networks._rate_factor, ("scale", "bias0", "weight0", "last_bias"))) == {6.0, 0.1, 1.0}


def boosted(model, inputs, truth, labels=None):
    model.set_params(max_iter=12, categorical_features=labels, min_samples_leaf=5, random_state=0)
    return model.fit(inputs, truth)


def table(rows=400):
    inputs = RANDOM.normal(size=(rows, 4))
    inputs[:, 1] = RANDOM.integers(0, 40, rows)
    inputs[:, 3] = RANDOM.integers(3, 6, rows)
    inputs[RANDOM.random((rows, 4)) < 0.1] = np.nan
    inputs[:, 1] = np.nan_to_num(inputs[:, 1])
    return inputs, np.nan_to_num(inputs[:, 0]) + (inputs[:, 1] % 7 > 3) + RANDOM.normal(size=rows) / 5


@pytest.mark.parametrize("labels", [None, [1], [1, 3]])
def test_trees_say_what_scikit_learn_says_of_numbers(labels):
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415

    inputs, truth = table()
    model = boosted(HistGradientBoostingRegressor(), inputs, truth, labels)

    asked, _ = table()
    asked[:3, 1] = 77  # a label that nobody knows

    np.testing.assert_allclose(read_trees(model, inputs, 0).outputs(asked)[:, 0], model.predict(asked), rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_trees_say_what_scikit_learn_says_of_classes(classes):
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    inputs, truth = table()
    labels = np.digitize(truth, [0.5, 1.0][: classes - 1])
    model = boosted(HistGradientBoostingClassifier(), inputs, labels, [1])

    found = read_trees(model, inputs, 0).outputs(inputs)

    theirs = model.decision_function(inputs)
    np.testing.assert_allclose(found if classes > 2 else found[:, 0], theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_forest_says_what_scikit_learn_says(classes):
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor  # noqa: PLC0415

    inputs, truth = table()
    labels = np.digitize(truth, [0.5, 1.0][: classes - 1]) if classes else truth
    model = (ExtraTreesClassifier if classes else ExtraTreesRegressor)(n_estimators=9, random_state=3)
    model.fit(inputs.astype(np.float32), labels)
    known = model.classes_ + 1 if classes else None

    # One class more than any row has: it is known, and never said.
    forest = read_forest([each.tree_ for each in model.estimators_], known, classes + 1)

    asked, _ = table()
    asked[:3] = np.nan
    theirs = model.predict_proba(asked) if classes else model.predict(asked)[:, None]
    np.testing.assert_allclose(forest.outputs(asked)[:, 1 if classes else 0 :], theirs, rtol=1e-5, atol=1e-7)


def test_another_seed_grows_other_trees():
    inputs, truth = table()
    everything = np.arange(len(truth))
    matrix = Matrix(np.nan_to_num(inputs), np.zeros((len(inputs), 0), np.int32), np.zeros((len(inputs), 0), np.float32))
    rows = Rows(matrix, DENSE, np.nan_to_num(inputs))
    target = Target("y", "y", "FLOAT", everything, truth)
    ground = Ground(rows, None, target, scale_of(truth), everything, everything % 2, (0, 1), "rmse", 5)
    first, again, other = (
        TreeMaker("trees", TreePlan(), is_bagged=True, number=number).grown(ground, everything, Clock(600), count=9)
        for number in (0, 0, 1)
    )

    assert np.array_equal(first.nodes, again.nodes)
    assert not np.array_equal(first.outputs(inputs), other.outputs(inputs))


def test_a_margin_holds_nine_of_ten():
    errors = RANDOM.normal(size=999)

    assert np.mean(np.abs(errors) <= weighing.margin_of(errors)) == pytest.approx(0.9, abs=0.002)
    assert weighing.margin_of(errors[:5]) is None


def test_a_temperature_makes_answers_as_sure_as_they_are_right():
    truth = RANDOM.integers(0, 2, 2000)
    honest = np.where(RANDOM.random(2000) < 0.8, truth, 1 - truth)
    too_sure = np.where(np.eye(2)[honest] == 1, 0.99, 0.01)

    temperature = weighing.temperature_of(too_sure, truth)

    cooled = too_sure ** (1 / temperature)
    cooled /= cooled.sum(1, keepdims=True)
    assert cooled.max() == pytest.approx(0.8, abs=0.03)
    assert log_loss(cooled, truth) < log_loss(too_sure, truth)
    assert weighing.temperature_of(cooled, truth) == pytest.approx(1, abs=0.02)


def test_that_none_of_few_rows_is_wrong_makes_answers_little_surer():
    truth = RANDOM.integers(0, 3, 200)
    right = np.where(np.eye(3)[truth] == 1, 0.98, 0.01)

    assert weighing.temperature_of(right, truth) > 0.65
    assert weighing.temperature_of(np.tile(right, (200, 1)), np.tile(truth, 200)) < 0.6


def test_the_clock_stops_in_time_and_at_once_if_it_is_asked_to():
    clock = Clock(100)

    assert not clock.must_stop()
    assert 80 < clock.left_s() <= 85
    assert 38 < clock.until(0.5).left_s() <= 42.5
    assert Clock(100, cancelled=lambda: True).must_stop()
    assert Clock(0).must_stop()


def test_no_part_takes_the_time_of_those_after_it():
    assert [round(each.left_s()) for each in Clock(100).turns(4)] == [21, 28, 42, 85]


def test_a_shape_of_three_layers_is_spread_over_as_many_as_wanted():
    shape = {"HiddenLayerCount": 5, "NeuronPercentage1": 100, "NeuronPercentage2": 200, "NeuronPercentage3": 300}
    request = TableRequest(columns=[], level=2, shape={**shape, "LayerTypeActivation3": "dense_elu"})

    (network,) = plan_of(request, 8).networks

    assert network.widths == (8, 9, 9, 6, 3)
    assert network.activations == ("dense_relu", "dense_relu", "dense_relu", "dense_elu", "dense_elu")


def test_each_level_takes_longer_than_the_one_before():
    usual = [PLANS[level].usual_s for level in range(1, 6)]

    assert usual == sorted(usual)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.15, 0.6])
def test_dropout_leaves_a_share_out_and_the_sum_as_it_was(share):
    ones = np.ones((2, 333, 257), np.float32)  # of no round number
    once, again, other = (
        np.asarray(networks._dropped_out(ones, share, jax.random.PRNGKey(seed))) for seed in (1, 1, 2)
    )
    gone = once == 0
    assert gone.mean() == pytest.approx(share, abs=0.005)
    assert once.mean() == pytest.approx(1, abs=0.01)
    assert len(np.unique(once[~gone])) == 1
    assert (once == again).all()
    # Each twin, row and neuron by itself, and others for another key.
    together = share**2 + (1 - share) ** 2
    neighbours = ((gone[0], gone[1]), (gone[:, 1:], gone[:, :-1]), (gone[..., 1:], gone[..., :-1]))
    for one, two in (*neighbours, (gone, other == 0)):
        assert (one == two).mean() == pytest.approx(together, abs=0.01)
