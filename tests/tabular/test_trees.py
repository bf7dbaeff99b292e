"""Trees: the leaf found by lookup is the one that a walk reaches."""

import numpy as np

from app.tabular.candidates.trees import NODE, Trees, joined


def nodes_of(*described):
    nodes = np.zeros(len(described), NODE)
    nodes["feature"], nodes["category_set"] = -1, -1
    for node, fields in zip(nodes, described, strict=True):
        for name, value in fields.items():
            node[name] = value
    return nodes


def leaf(value):
    return {"value": value, "is_leaf": 1}


def split(feature, threshold, right, **more):
    return {"feature": feature, "threshold": threshold, "right": right, **more}


def walked(trees, row):
    """The plain walk: from the first node of each tree to a leaf."""
    sums = trees.baseline.copy()
    for number, start in enumerate(trees.starts):
        at = start
        while not trees.nodes["is_leaf"][at]:
            node = trees.nodes[at]
            value = row[node["feature"]]
            if node["category_set"] >= 0:
                bits = trees.category_sets[node["category_set"]]
                known = 0 <= value < 256
                left = bool(bits[int(value) // 32] >> np.uint32(int(value) % 32) & 1) if known else node["missing_left"]
            else:
                left = node["missing_left"] if np.isnan(value) else value <= node["threshold"]
            at = at + 1 if left else start + node["right"]
        sums[number % len(sums)] += trees.nodes["value"][at]
    return sums


def random_tree(random, depth=5):
    """Nodes in order, left before right, with at most 32 leaves."""
    if depth == 0 or random.random() < 0.2:
        return [leaf(random.normal())]
    left, right = random_tree(random, depth - 1), random_tree(random, depth - 1)
    feature = int(random.integers(0, 3))
    node = split(feature, round(random.normal(), 1), 1 + len(left), missing_left=int(random.random() < 0.5))
    if feature == 2:
        node["category_set"] = int(random.integers(0, 4))
    left = [{**each, "right": each["right"] + 1} if "right" in each else each for each in left]
    right = [{**each, "right": each["right"] + 1 + len(left)} if "right" in each else each for each in right]
    return [node, *left, *right]


def random_trees(seed, count=12, outputs=3):
    random = np.random.default_rng(seed)
    parts = [nodes_of(*random_tree(random)) for _ in range(count)]
    starts = np.cumsum([0, *map(len, parts)])[:-1]
    sets = random.integers(0, 2**32, (4, 8), np.uint32)
    return Trees(np.concatenate(parts), starts.astype(np.int64), sets, random.normal(size=outputs))


def rows_of(seed, count=200):
    random = np.random.default_rng(seed)
    rows = np.round(random.normal(size=(count, 3)), 1)
    rows[:, 2] = random.integers(0, 256, count)
    rows[random.random((count, 3)) < 0.1] = np.nan
    return rows


def test_lookups_find_the_leaf_that_a_walk_finds():
    for seed in range(5):
        trees, rows = random_trees(seed), rows_of(seed)

        found = trees.outputs(rows)

        np.testing.assert_allclose(found, [walked(trees, row) for row in rows], atol=1e-12)


def test_joined_trees_say_the_mean():
    several, rows = [random_trees(1), random_trees(2, count=6)], rows_of(3)

    mean = (several[0].outputs(rows) + several[1].outputs(rows)) / 2

    np.testing.assert_allclose(joined(several).outputs(rows), mean, atol=1e-12)


def test_trees_are_the_same_from_their_arrays():
    trees, rows = random_trees(4), rows_of(4)

    assert np.array_equal(Trees.read(trees.arrays).outputs(rows), trees.outputs(rows))


def test_many_rows_are_answered_in_parts():
    trees, rows = random_trees(5), rows_of(5, 2500)

    assert np.array_equal(trees.outputs(rows)[2400:], trees.outputs(rows[2400:]))
