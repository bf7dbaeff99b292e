"""Forests: the leaf that all rows walk to at once is the one that each row walks to alone, here and in ONNX."""

import numpy as np
import pytest

from app.tabular import reader
from app.tabular.candidates.forests import Forest
from app.tabular.candidates.heads import Forested, Head, Scale
from app.tabular.inputs.encoders import Encoders
from app.tabular.predictor import Predictor
from tests.tabular.test_trees import rows_of


def random_forest(seed, trees=7, outputs=3, depth=9):
    """Trees of any depth: nodes in order, left before right."""
    random = np.random.default_rng(seed)
    nodes, said, starts = [], [], []

    def grow(depth):
        place = len(nodes)
        if depth == 0 or random.random() < 0.15:
            nodes.append((-1, 0.0, len(said), 0))
            said.append(random.dirichlet(np.ones(outputs)) if outputs > 1 else random.normal(size=1))
            return
        nodes.append(None)
        grow(depth - 1)
        right = len(nodes)
        grow(depth - 1)
        nodes[place] = (int(random.integers(0, 3)), round(random.normal(), 1), right, int(random.random() < 0.5))

    for _ in range(trees):
        starts.append(len(nodes))
        grow(depth)
    feature, threshold, to, missing = (np.array(each) for each in zip(*nodes, strict=True))
    return Forest(
        feature.astype(np.int32),
        threshold.astype(np.float32),
        to.astype(np.int32),
        missing.astype(np.uint8),
        np.array(starts, np.int32),
        np.array(said, np.float32),
    )


def test_all_rows_at_once_reach_the_leaves_that_each_reaches_alone():
    for seed in range(4):
        forest, rows = random_forest(seed), rows_of(seed, count=300)
        rows[:3, 0] = [1e308, -1e308, 0.1]

        found = forest.outputs(rows)

        np.testing.assert_allclose(found, [reader.forest(forest.arrays, row) for row in rows], rtol=1e-6)
        np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
        assert np.array_equal(Forest.read(forest.arrays).outputs(rows[250:]), found[250:])


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_machine_with_a_forest_answers_the_same_after_it_was_stored_and_by_its_reader(outputs):
    columns = [{"id": str(at), "name": name, "datatype": "FLOAT"} for at, name in enumerate("abc")]
    encoders = Encoders.fit(columns, rows_of(5).T.tolist(), text_width=8, is_ranked=False)
    classes = ("p", "q", "r") if outputs == 3 else ()
    scale = None if classes else Scale(10.0, 2.0, 9.0, 12.0)
    shares = (0.2, 0.3, 0.5) if classes else ()
    head = Head(
        "y", "y", "LABEL" if classes else "FLOAT", classes, [(1.0, Forested(random_forest(6, outputs=outputs), scale))]
    )
    machine = Predictor(encoders, [Head(**{**vars(head), "shares": shares, "temperature": 1.2})], {})
    rows = [dict(zip("abc", row, strict=True)) for row in np.nan_to_num(rows_of(7, count=20)).tolist()]
    asked = [{str(at): row[name] for at, name in enumerate("abc")} for row in rows]

    [said] = machine.answer(asked)[0]

    again = Predictor.load(machine.save())
    assert again.answer(asked)[0] == [said]
    known = reader.read(machine.save())
    answers = [reader.answer(*known, row)["y"] for row in rows]
    if classes:
        assert [each["value"] for each in answers] == said.values
        np.testing.assert_allclose(
            [list(each["probabilities"].values()) for each in answers], said.probabilities, rtol=1e-6
        )
    else:
        assert [each["value"] for each in answers] == pytest.approx(said.values)
        assert len(set(said.values)) > 5
