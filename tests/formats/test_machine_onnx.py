"""A machine as ONNX answers in onnxruntime as it does here: trees to the last bit, networks within rounding."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from app.errors import Unreadable
from app.formats.machines import onnx_graphs
from app.tabular import reader
from app.tabular.candidates.heads import Boosted, Constant, Forested, Head, Neural, Rows, Scale
from app.tabular.candidates.network import ACTIVATIONS, Network
from app.tabular.candidates.trees import Trees
from app.tabular.inputs.encoders import Dense, Encoders, Matrix
from app.tabular.predictor import Predictor
from tests.automl import learned
from tests.tabular.test_forests import random_forest
from tests.tabular.test_trees import leaf, nodes_of, random_trees, rows_of, walked

RANDOM = np.random.default_rng(21)
ROWS = 40
COLUMN = {"id": "0", "name": "a", "datatype": "FLOAT"}
ENCODERS = Encoders.fit([COLUMN], [[1.0, 2.0, 3.0]], text_width=8, is_ranked=False)


def rows(inputs, tables=0):
    count = len(inputs)
    numbers = RANDOM.normal(size=(count, 3)).astype(np.float32)
    wide = RANDOM.integers(0, 2, (count, 2)).astype(np.float32)
    dense = Dense(numbers, wide, RANDOM.integers(0, 11, (count, tables)).astype(np.int32))
    return Rows(Matrix(inputs, np.zeros((count, 0), np.int32), np.zeros((count, 0), np.float32)), dense, inputs)


def network(activations, *, members=2, twins=0, tables=0, waves=True, outputs=3):
    width = 3 + 2 + 3 * 2 * waves + 4 * tables
    shapes = {f"table{place}": (members, 11, 4) for place in range(tables)}
    if waves:
        shapes |= {"frequency": (members, 3, 5), "phase": (members, 3, 5)}
        shapes |= {"mix": (members, 3, 5, 2), "mix_bias": (members, 3, 2)}
    if twins:
        shapes["twins"] = (members, twins, width)
    for number in range(len(activations)):
        shapes |= {
            f"weight{number}": (members, width, 6),
            f"bias{number}": (members, 6),
            f"share{number}": (members, 6),
        }
        width = 6
    shapes |= {"last_weight": (members, max(twins, 1), width, outputs), "last_bias": (members, max(twins, 1), outputs)}
    return Network({name: RANDOM.normal(size=each).astype(np.float32) for name, each in shapes.items()}, activations)


def said(heads, given):
    """What onnxruntime answers for each head."""
    machine = Predictor(ENCODERS, heads, {})
    session = onnxruntime.InferenceSession(onnx_graphs.written(machine.save()))
    dense = given.dense
    known = {"inputs": given.tree_inputs, "numbers": dense.numbers, "wide": dense.wide}
    known["indexes"] = dense.indexes.astype(np.int64)
    asked = {each.name: known[each.name] for each in session.get_inputs()}
    assert [each.name for each in session.get_outputs()] == [head.name for head in heads]
    return session.run(None, asked)


@pytest.mark.parametrize("seed", range(4))
def test_trees_reach_the_same_leaves_with_missing_and_unknown_categories(seed):
    trees = random_trees(seed)
    inputs = rows_of(seed)
    inputs[:9, 2] = [256, 300, 255, 0, 31, 32, np.nan, 1000, 1]
    [sums] = said([Head("k", "k: [價]", "FLOAT", (), [(1.0, Boosted(trees, Scale()))])], rows(inputs))
    np.testing.assert_allclose(sums, [walked(trees, row) for row in inputs], rtol=1e-12)


def test_trees_of_one_leaf_and_no_trees_at_all_answer():
    nothing = np.zeros((0, 8), np.uint32)
    single = Trees(nodes_of(leaf(2.5), leaf(-1.0)), np.array([0, 1]), nothing, np.array([1.0, 0.0]))
    none = Trees(nodes_of(), np.zeros(0, np.int64), nothing, np.array([0.5]))
    given = rows(rows_of(1, count=5))
    heads = [Head(name, name, "FLOAT", (), [(1.0, Boosted(each, None))]) for name, each in (("a", single), ("b", none))]
    for head, answers in zip(heads, said(heads, given), strict=True):
        np.testing.assert_allclose(answers, head.answers(given), rtol=1e-12)


def test_forests_reach_the_same_leaves_with_missing_and_huge_values():
    inputs = rows_of(8)
    inputs[:4, 0] = [1e308, -1e308, np.nan, 0.3]
    kinds = Head("k", "k", "LABEL", ("p", "q", "r"), [(1.0, Forested(random_forest(1), None))], shares=(0.2, 0.3, 0.5))
    number = Head("n", "n", "FLOAT", (), [(1.0, Forested(random_forest(2, outputs=1), Scale(10.0, 2.0, 8.0, 12.0)))])
    given = rows(inputs)
    for head, answers in zip([kinds, number], said([kinds, number], given), strict=True):
        np.testing.assert_allclose(answers, head.answers(given), rtol=1e-6)


BUILT = [
    *({"activations": (name,)} for name in ACTIVATIONS),
    {"activations": ("dense_mish", "dense_selu"), "twins": 3, "tables": 2},
    {"activations": (), "waves": False, "members": 1, "outputs": 1},
    {"activations": ("dense_relu",), "tables": 1, "members": 4},
]


@pytest.mark.parametrize("built", BUILT, ids=lambda each: "-".join(map(str, each.values())))
def test_networks_say_the_same(built):
    given = rows(rows_of(3, count=ROWS), tables=built.get("tables", 0))
    one = network(**built)
    scale = Scale(10.0, 2.0, 0.0, 20.0) if built.get("outputs") == 1 else None
    head = Head("n", "n", "FLOAT", (), [(1.0, Neural(one, scale))])
    [answers] = said([head], given)
    np.testing.assert_allclose(answers, head.answers(given), rtol=2e-4, atol=2e-5)


def test_candidates_are_mixed_and_as_sure_as_they_are_right():
    given = rows(rows_of(4, count=ROWS))
    shares = (0.2, 0.3, 0.5)
    candidates = [
        (0.5, Boosted(random_trees(5), None)),
        (0.4, Neural(network(("dense_mish",)), None)),
        (0.1, Constant(np.array(shares))),
    ]
    head = Head("k", "k", "LABEL", ("p", "q", "r"), candidates, 1.3, shares, 0.01)
    logits = Head(
        "b", "b", "LABEL", ("no", "yes"), [(1.0, Boosted(random_trees(6, outputs=1), None))], shares=(0.5, 0.5)
    )
    for each, answers in zip([head, logits], said([head, logits], given), strict=True):
        np.testing.assert_allclose(answers, each.answers(given), rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(answers.sum(1), 1)


def test_a_learned_machine_answers_rows_that_its_reader_encodes():
    content = learned.learned()
    file = onnx_graphs.written(content)
    session = onnxruntime.InferenceSession(file)
    machine, _ = reader.read(content)
    asked = [{learned.SIZE: 0.5, learned.COLOUR: "red", learned.WHEN: "2024-03-01"}, {}, {learned.COLOUR: "2"}]
    encoded = [reader.encode(machine, row) for row in asked]
    names = ("inputs", "numbers", "wide", "indexes")
    kinds = dict(zip(names, (np.float64, np.float32, np.float32, np.int64), strict=True))
    given = {name: np.array([each[at] for each in encoded], kinds[name]) for at, name in enumerate(names)}
    kinds_said, prices = session.run(None, {each.name: given[each.name] for each in session.get_inputs()})
    ours = Predictor.load(content).answer(
        [{"0": row.get(learned.SIZE), "1": row.get(learned.COLOUR), "2": row.get(learned.WHEN)} for row in asked]
    )[0]
    np.testing.assert_allclose(kinds_said, ours[0].probabilities, atol=1e-5)
    np.testing.assert_allclose(prices[:, 0], ours[1].values, rtol=1e-5)
    facts = {each.key: each.value for each in onnx.load_from_string(file).metadata_props}
    assert [each["name"] for each in json.loads(facts["outputs"])] == ["kind", "price"]
    assert facts["encoders_sha256"] == Predictor.load(content).encoders.sha256


def test_a_damaged_machine_is_refused():
    with pytest.raises(Unreadable, match="not a machine"):
        onnx_graphs.written(b"\x10" + bytes(40))
