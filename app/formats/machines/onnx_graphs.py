"""A machine as ONNX: all that answers encoded rows, as one graph of standard operators.

Its inputs are what the encoders make of rows (`app.tabular.inputs.encoders`; `encode` of a bundle's reader): texts are
hashed and dates are taken apart by no operator. It runs in a child, because only the extra `export` brings the library.
"""
# ruff: noqa: PLC0415

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import Unreadable
from app.tabular.bundle import UnreadableMachine
from app.tabular.candidates.forests import LARGEST, Forest
from app.tabular.candidates.heads import LEAST, Boosted, Candidate, Constant, Forested, Head, Neural, Scale
from app.tabular.candidates.network import Network
from app.tabular.candidates.trees import CATEGORIES, Trees
from app.tabular.predictor import Predictor

OPSET, TREES_OPSET, IR_VERSION = 21, 5, 10
TREES_DOMAIN = "ai.onnx.ml"
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "dense_relu": ("Relu", {}),
    "dense_elu": ("Elu", {"alpha": 1.0}),
    "dense_selu": ("Selu", {}),
    "dense_mish": ("Mish", {}),
    "dense_sigmoid": ("Sigmoid", {}),
    "dense_softmax": ("Softmax", {"axis": -1}),
}
NOT_ABOVE, IS_MEMBER = 0, 6
Values = NDArray[Any]


def written(machine: bytes) -> bytes:
    """The ONNX file of a machine's file."""
    from onnx import checker, helper

    try:
        predictor = Predictor.load(machine)
    except UnreadableMachine as unreadable:
        raise Unreadable(str(unreadable)) from None
    graph = _Graph()
    names = [_head(graph, head) for head in predictor.heads]
    model = helper.make_model(
        graph.made(predictor.heads, names),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(TREES_DOMAIN, TREES_OPSET)],
        ir_version=IR_VERSION,
        producer_name="fieldgraph",
    )
    fields = ("name", "datatype", "classes", "threshold", "margin")
    outputs = [{name: getattr(head, name) for name in fields} for head in predictor.heads]
    facts = {"outputs": json.dumps(outputs), "encoders_sha256": predictor.encoders.sha256}
    helper.set_model_props(model, facts)
    checker.check_model(model)
    return bytes(model.SerializeToString())


class _Graph:
    """A graph while it is built: each operation answers with the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.values: list[Any] = []
        self.inputs: dict[str, Any] = {}

    def input(self, name: str) -> str:
        """An input: `inputs` for trees; `numbers`, `wide` and `indexes` for networks."""
        from onnx import TensorProto, helper

        kinds = {"inputs": TensorProto.DOUBLE, "indexes": TensorProto.INT64}
        kind = kinds.get(name, TensorProto.FLOAT)
        self.inputs[name] = helper.make_tensor_value_info(name, kind, ["rows", f"{name} of a row"])
        return name

    def const(self, values: Any, kind: type[Any] = np.float64) -> str:
        """A value that is known before."""
        from onnx import numpy_helper

        name = f"value {len(self.values)}"
        self.values.append(numpy_helper.from_array(np.array(values, kind, order="C"), name))
        return name

    def do(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """An operation; of one output."""
        from onnx import helper

        output = f"{operator} {len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def for_each_row(self, values: Values, kind: type[Any] = np.float64) -> str:
        """The same values for every row."""
        any_input = next(iter(self.inputs), None) or self.input("inputs")
        count = self.do("Shape", any_input, start=0, end=1)
        shape = self.do("Concat", count, self.const([1], np.int64), axis=0)
        return self.do("Expand", self.const(values[None], kind), shape)

    def made(self, heads: Sequence[Head], names: Sequence[str]) -> Any:
        """All of it."""
        from onnx import TensorProto, helper

        outputs = []
        for head, name in zip(heads, names, strict=True):
            self.nodes.append(helper.make_node("Identity", [name], [head.name]))
            outputs.append(
                helper.make_tensor_value_info(head.name, TensorProto.DOUBLE, ["rows", len(head.classes) or 1])
            )
        return helper.make_graph(self.nodes, "machine", list(self.inputs.values()), outputs, self.values)


def _head(graph: _Graph, head: Head) -> str:
    """The weighted mean of the candidates: probabilities as sure as they are right, or a number."""
    parts = [graph.do("Mul", _candidate(graph, each), graph.const(weight)) for weight, each in head.candidates]
    mixed = graph.do("Sum", *parts)
    if not head.classes:
        return mixed
    if head.temperature != 1:
        logits = graph.do("Log", graph.do("Clip", mixed, graph.const(LEAST), graph.const(1.0)))
        mixed = graph.do("Softmax", graph.do("Div", logits, graph.const(head.temperature)), axis=-1)
    kept = graph.do("Mul", mixed, graph.const(1 - head.floor))
    return graph.do("Add", kept, graph.const(head.floor * np.array(head.shares)))


def _candidate(graph: _Graph, candidate: Candidate) -> str:
    if isinstance(candidate, Constant):
        return graph.for_each_row(candidate.values)
    if isinstance(candidate, Boosted):
        sums = graph.do("Add", _sums(graph, candidate.trees), graph.const(candidate.trees.baseline))
        if candidate.scale is not None:
            return _outwards(graph, sums, candidate.scale)
        if len(candidate.trees.baseline) == 1:
            sums = graph.do("Concat", graph.do("Mul", sums, graph.const(0.0)), sums, axis=1)
        return graph.do("Softmax", sums, axis=-1)
    if isinstance(candidate, Forested):
        means = _means(graph, candidate.forest)
        return means if candidate.scale is None else _outwards(graph, means, candidate.scale)
    assert isinstance(candidate, Neural)
    exact = graph.do("Cast", _network(graph, candidate.network), to=11)
    if candidate.scale is None:
        members = graph.do("Softmax", exact, axis=-1)
    else:
        members = _outwards(graph, exact, candidate.scale)
    return graph.do("ReduceMean", members, graph.const([0], np.int64), keepdims=0)


def _outwards(graph: _Graph, level: str, scale: Scale) -> str:
    """In the units of the target, within what was seen."""
    wide = graph.do("Mul", level, graph.const(scale.deviation))
    moved = graph.do("Add", wide, graph.const(scale.mean))
    return graph.do("Clip", moved, graph.const(scale.low), graph.const(scale.high))


def _network(graph: _Graph, network: Network) -> str:
    """What each member says: members × rows × outputs, as `Network` does it."""
    arrays = network.arrays
    members, several, width, outputs = arrays["last_weight"].shape
    x = _joined(graph, network)
    if "twins" in arrays:
        apart = graph.do("Unsqueeze", x, graph.const([1], np.int64))
        seen = graph.do("Mul", apart, graph.const(arrays["twins"][:, :, None], np.float32))
        x = graph.do("Reshape", seen, graph.const([members, -1, arrays["twins"].shape[2]], np.int64))
    for number, activation in enumerate(network.activations):
        x = graph.do("MatMul", x, graph.const(arrays[f"weight{number}"], np.float32))
        x = graph.do("Add", x, graph.const(arrays[f"bias{number}"][:, None], np.float32))
        operator, attributes = ACTIVATIONS[activation]
        more = graph.do("Sub", graph.do(operator, x, **attributes), x)
        x = graph.do("Add", x, graph.do("Mul", more, graph.const(arrays[f"share{number}"][:, None], np.float32)))
    x = graph.do("Reshape", x, graph.const([members, several, -1, width], np.int64))
    x = graph.do("MatMul", x, graph.const(arrays["last_weight"], np.float32))
    x = graph.do("Add", x, graph.const(arrays["last_bias"][:, :, None], np.float32))
    return graph.do("Reshape", x, graph.const([members * several, -1, outputs], np.int64))


def _joined(graph: _Graph, network: Network) -> str:
    """All inputs side by side: members × rows × inputs."""
    arrays = network.arrays
    members = len(arrays["last_weight"])
    numbers, wide = graph.input("numbers"), graph.input("wide")
    first, each = graph.const([0], np.int64), graph.const([members, 1, 1], np.int64)
    plain = graph.do("Unsqueeze", graph.do("Concat", numbers, wide, axis=1), first)
    parts = [graph.do("Expand", plain, each)]
    if "frequency" in arrays and arrays["frequency"].shape[1]:
        turned = graph.do("Unsqueeze", graph.do("Transpose", numbers, perm=[1, 0]), graph.const([0, 3], np.int64))
        waves = graph.do("Mul", turned, graph.const(arrays["frequency"][:, :, None], np.float32))
        waves = graph.do("Add", waves, graph.const(arrays["phase"][:, :, None], np.float32))
        waves = graph.do("Cos", graph.do("Mul", waves, graph.const(2 * np.pi, np.float32)))
        mixed = graph.do("MatMul", waves, graph.const(arrays["mix"], np.float32))
        mixed = graph.do("Add", mixed, graph.const(arrays["mix_bias"][:, :, None], np.float32))
        length = arrays["mix"].shape[1] * arrays["mix"].shape[3]
        beside = graph.do("Transpose", mixed, perm=[0, 2, 1, 3])
        parts.append(graph.do("Reshape", beside, graph.const([members, -1, length], np.int64)))
    for place in range(sum(name.startswith("table") for name in arrays)):
        indexes = graph.do("Gather", graph.input("indexes"), graph.const(place, np.int64), axis=1)
        parts.append(graph.do("Gather", graph.const(arrays[f"table{place}"], np.float32), indexes, axis=1))
    return graph.do("Concat", *parts, axis=2)


def _sums(graph: _Graph, trees: Trees) -> str:
    """The sums over all trees: rows × outputs."""
    if not trees.count:
        return graph.for_each_row(np.zeros(len(trees.baseline)))
    inputs = graph.input("inputs")
    categories = np.unique(trees.nodes["feature"][(trees.nodes["is_leaf"] == 0) & (trees.nodes["category_set"] >= 0)])
    if len(categories):
        # What is beyond all sets goes where missing values go.
        most = np.full(int(trees.nodes["feature"].max()) + 1, np.inf)
        most[categories] = CATEGORIES - 1
        inputs = _known(graph, inputs, most)
    return graph.do("TreeEnsemble", inputs, domain=TREES_DOMAIN, **_ensemble(trees))


def _means(graph: _Graph, forest: Forest) -> str:
    """The mean over all trees, which are walked: as many questions as the deepest tree has; who has arrived stays."""
    inputs = graph.input("inputs")
    clipped = graph.do("Clip", inputs, graph.const(-LARGEST), graph.const(LARGEST))
    known = graph.do("Where", graph.do("IsNaN", inputs), inputs, clipped)
    seen = graph.do("Cast", known, to=1)
    places, is_leaf = np.arange(len(forest.feature)), forest.feature < 0
    to_left, to_right = np.where(is_leaf, places, places + 1), np.where(is_leaf, places, forest.to)
    left, right = graph.const(to_left, np.int64), graph.const(to_right, np.int64)
    features, thresholds = (
        graph.const(np.maximum(forest.feature, 0), np.int64),
        graph.const(forest.threshold, np.float32),
    )
    missing_left = graph.const(forest.missing_left, np.bool_)
    at, level = graph.for_each_row(forest.starts, np.int64), forest.starts
    while len(level := level[~is_leaf[level]]):
        level = np.concatenate([to_left[level], to_right[level]])
        value = graph.do("GatherElements", seen, graph.do("Gather", features, at), axis=1)
        is_below = graph.do("LessOrEqual", value, graph.do("Gather", thresholds, at))
        is_sent = graph.do("And", graph.do("IsNaN", value), graph.do("Gather", missing_left, at))
        goes_left = graph.do("Or", is_below, is_sent)
        at = graph.do("Where", goes_left, graph.do("Gather", left, at), graph.do("Gather", right, at))
    leaves = graph.do("Gather", graph.const(forest.to, np.int64), at)
    values = graph.do("Gather", graph.const(forest.leaf_values), leaves)
    return graph.do("ReduceMean", values, graph.const([1], np.int64), keepdims=0)


def _known(graph: _Graph, inputs: str, most: Values) -> str:
    """The inputs that trees look at, and no number where one is greater than may be."""
    cut = graph.do("Slice", inputs, *(graph.const([each], np.int64) for each in (0, len(most), 1)))
    return graph.do("Where", graph.do("Greater", cut, graph.const(most)), graph.const(np.nan), cut)


def _ensemble(trees: Trees) -> dict[str, Any]:
    """The attributes of the operator: inner nodes and leaves apart; a tree of one leaf has a node that leads to it."""
    from onnx import numpy_helper

    nodes: dict[str, list[Any]] = {name: [] for name in ("feature", "split", "mode", "true", "false", "missing")}
    leaves: list[tuple[int, float]] = []
    members: list[float] = []
    roots = []
    ends = np.append(trees.starts[1:], len(trees.nodes))
    for number, (start, end) in enumerate(zip(trees.starts.tolist(), ends.tolist(), strict=True)):
        tree = trees.nodes[start:end]
        inner = np.cumsum(tree["is_leaf"] == 0) - 1 + len(nodes["feature"])
        leaf = np.cumsum(tree["is_leaf"] == 1) - 1 + len(leaves)
        leaves += [(number % len(trees.baseline), float(each)) for each in tree["value"][tree["is_leaf"] == 1]]
        roots.append(len(nodes["feature"]))
        if tree["is_leaf"][0]:
            _add(nodes, (0, 0.0, NOT_ABOVE), [(True, int(leaf[0]))] * 2, missing_left=False)
            continue
        for at in np.flatnonzero(tree["is_leaf"] == 0).tolist():
            node, right = tree[at], int(tree["right"][at])
            to = [_target(tree, inner, leaf, each) for each in (at + 1, right)]
            _add(nodes, _question(trees, node, members), to, missing_left=bool(node["missing_left"]))
    plain = numpy_helper.from_array
    attributes: dict[str, Any] = {
        "n_targets": len(trees.baseline),
        "aggregate_function": 1,
        "post_transform": 0,
        "tree_roots": roots,
        "nodes_featureids": nodes["feature"],
        "nodes_splits": plain(np.array(nodes["split"], np.float64)),
        "nodes_modes": plain(np.array(nodes["mode"], np.uint8)),
        "nodes_truenodeids": [place for _, place in nodes["true"]],
        "nodes_trueleafs": [int(is_leaf) for is_leaf, _ in nodes["true"]],
        "nodes_falsenodeids": [place for _, place in nodes["false"]],
        "nodes_falseleafs": [int(is_leaf) for is_leaf, _ in nodes["false"]],
        "nodes_missing_value_tracks_true": [int(each) for each in nodes["missing"]],
        "leaf_targetids": [target for target, _ in leaves],
        "leaf_weights": plain(np.array([weight for _, weight in leaves], np.float64)),
    }
    return attributes | ({"membership_values": plain(np.array(members, np.float64))} if members else {})


def _target(tree: Values, inner: Values, leaf: Values, at: int) -> tuple[bool, int]:
    """Whether a node of a tree is a leaf, and its place among all leaves or inner nodes."""
    is_leaf = bool(tree["is_leaf"][at])
    return is_leaf, int((leaf if is_leaf else inner)[at])


def _question(trees: Trees, node: Any, members: list[float]) -> tuple[int, float, int]:
    """The input that a node looks at, its threshold, and how it asks; categories are added to `members`."""
    if node["category_set"] < 0:
        return int(node["feature"]), float(node["threshold"]), NOT_ABOVE
    bits = trees.category_sets[node["category_set"]]
    chosen = [each for each in range(CATEGORIES) if int(bits[each // 32]) >> each % 32 & 1]
    if not chosen:
        return int(node["feature"]), -np.inf, NOT_ABOVE
    members += [*chosen, np.nan]
    return int(node["feature"]), 0.0, IS_MEMBER


def _add(
    nodes: dict[str, list[Any]],
    asked: tuple[int, float, int],
    to: Sequence[tuple[bool, int]],
    *,
    missing_left: bool,
) -> None:
    for name, value in zip(("feature", "split", "mode", "true", "false"), (*asked, *to), strict=True):
        nodes[name].append(value)
    nodes["missing"].append(missing_left)
