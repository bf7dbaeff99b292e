"""A machine in memory: what it refuses to be, and that a new process answers the same bits."""

import json
import subprocess
import sys

import numpy as np
import pytest

from app.tabular.bundle import UnreadableMachine
from app.tabular.candidates.heads import Boosted, Constant, Head, Neural, Scale
from app.tabular.candidates.network import Network
from app.tabular.inputs.encoders import Encoders
from app.tabular.predictor import Predictor
from tests.tabular.test_trees import random_trees

CELLS = {"a": [1.0, 2.0, 3.0, None], "b": ["x", "y", "x", "y"], "c": [0.5, 0.25, 4.0, 1.0]}
COLUMNS = [
    {"id": "a", "name": "a", "datatype": "FLOAT"},
    {"id": "b", "name": "b", "datatype": "LABEL"},
    {"id": "c", "name": "c", "datatype": "FLOAT"},
]
ROWS = [{"a": 1.5, "b": "x", "c": 2}, {"a": None, "b": "z", "c": 1}, {"b": "y"}]


def network_of(encoders, outputs, random):
    matrix, _ = encoders.encode(CELLS, 4)
    dense = encoders.dense(matrix)
    numbers, width = dense.numbers.shape[1], dense.numbers.shape[1] * 4 + dense.wide.shape[1]
    shapes = {
        "frequency": (2, numbers, 5),
        "phase": (2, numbers, 5),
        "mix": (2, numbers, 5, 3),
        "mix_bias": (2, numbers, 3),
        "weight0": (2, width, 6),
        "bias0": (2, 6),
        "share0": (2, 6),
        "last_weight": (2, 1, 6, outputs),
        "last_bias": (2, 1, outputs),
    }
    return Network(
        {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}, ("dense_mish",)
    )


@pytest.fixture(scope="module")
def machine():
    encoders = Encoders.fit(COLUMNS, list(CELLS.values()), text_width=16, is_ranked=True)
    random = np.random.default_rng(2)
    trees = random_trees(3, count=9, outputs=3)
    classes = [(0.5, Boosted(trees, None)), (0.4, Neural(network_of(encoders, 3, random), None))]
    numbers = [(1.0, Neural(network_of(encoders, 1, random), Scale(10.0, 2.0, 0.0, 20.0)))]
    shares = (0.2, 0.3, 0.5)
    heads = [
        Head("k", "k", "LABEL", ("p", "q", "r"), [*classes, (0.1, Constant(np.array(shares)))], 1.3, shares, 0.01),
        Head("n", "n", "FLOAT", (), numbers, margin=1.5),
        Head("d", "d", "DATE", (), [(1.0, Constant(np.array([19782.0 * 86400])))]),
    ]
    return Predictor(encoders, heads, {"level": 3})


def test_a_machine_says_values_with_probabilities_or_intervals(machine):
    kinds, numbers, days = machine.answer(ROWS)[0]

    assert [len(each.values) for each in (kinds, numbers, days)] == [3, 3, 3]
    assert kinds.values == [kinds.classes[int(np.argmax(odds))] for odds in kinds.probabilities]
    assert [high - low for low, high in numbers.intervals] == pytest.approx([3, 3, 3])
    assert all(0 <= value <= 20 for value in numbers.values)
    assert days.values == ["2024-02-29"] * 3


def test_no_rows_have_no_answers(machine):
    answers, warned = machine.answer([])

    assert [each.values for each in answers] == [[], [], []]
    assert warned == []


def test_one_row_is_answered_as_among_others(machine):
    together = machine.answer(ROWS)[0][1].values

    alone = [machine.answer([row])[0][1].values[0] for row in ROWS]

    assert alone == pytest.approx(together, rel=1e-6)


def test_a_new_process_answers_the_same_bits_and_needs_neither_jax_nor_scikit_learn(machine, tmp_path):
    (tmp_path / "machine").write_bytes(machine.save())
    program = f"""
import json, sys
from pathlib import Path
from app.tabular.predictor import Predictor
machine = Predictor.load(Path({str(tmp_path / "machine")!r}).read_bytes())
said = [[each.values, each.probabilities] for each in machine.answer({ROWS!r})[0]]
print(json.dumps([said, sorted({{"jax", "sklearn", "scipy", "optax"}} & set(sys.modules))]))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    said, imported = json.loads(run.stdout)

    assert imported == []
    assert said == json.loads(json.dumps([[each.values, each.probabilities] for each in machine.answer(ROWS)[0]]))


def test_what_is_known_of_a_machine_is_kept(machine):
    again = Predictor.load(machine.with_facts(version=2).save())

    assert again.facts == {"level": 3, "version": 2}
    assert again.inputs == [("a", "a"), ("b", "b"), ("c", "c")]


@pytest.mark.parametrize("data", [b"", b"12345678", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", b"PK\x03\x04" * 20])
def test_other_files_are_refused(data):
    with pytest.raises(UnreadableMachine, match="not a machine"):
        Predictor.load(data)


def test_a_cut_machine_is_refused(machine):
    with pytest.raises(UnreadableMachine, match="damaged"):
        Predictor.load(machine.save()[:-10])


def changed(data, change):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    described = json.loads(header["__metadata__"]["machine"])
    change(described)
    header["__metadata__"]["machine"] = json.dumps(described)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def test_weights_with_other_encoders_are_refused(machine):
    def move(described):
        described["encoders"]["encoders"][0]["parts"][0]["median"] += 1

    with pytest.raises(UnreadableMachine, match="other encoders"):
        Predictor.load(changed(machine.save(), move))


def test_another_version_of_the_format_is_refused(machine):
    with pytest.raises(UnreadableMachine, match="another version"):
        Predictor.load(changed(machine.save(), lambda described: described.update(format_version=9)))
