"""Answers with a machine of Fieldgraph, without Fieldgraph: it takes this file, NumPy and `machine.safetensors`.

`python reader.py rows.json` prints an answer for each row of a list of objects by the names of columns. Dates and times
are texts as ISO 8601 writes them, numbers are numbers; what is missing or unknown may be left out.
"""

import json
import math
import re
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np


def read(data: bytes) -> tuple[Any, dict[str, Any]]:
    """The facts of a machine, and its arrays."""
    start = 8 + int.from_bytes(data[:8], "little")
    header, arrays = json.loads(data[8:start]), {}
    facts = json.loads(header.pop("__metadata__")["machine"])
    for name, each in header.items():
        dtype, (first, last) = f"<{each['dtype'][0].lower()}{int(each['dtype'][1:]) // 8}", each["data_offsets"]
        arrays[name] = np.frombuffer(data[start + first : start + last], dtype).reshape(each["shape"])
    return facts, arrays


def text(value: Any) -> str:
    """A cell as text; nothing if it is missing."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def key(value: Any) -> str:
    """By what equal labels are known."""
    return text(int(value) if isinstance(value, float) and value.is_integer() else value).strip().casefold()


def numbers(value: Any, datatype: str) -> list[float]:
    """A cell as the numbers that stand for it, NaN if it has none."""
    try:
        if datatype == "FLOAT":
            return [float(value) if math.isfinite(float(value)) else math.nan]
        at = datetime.fromisoformat(f"1970-01-01T{value}" if datatype == "TIME" else value)
    except (TypeError, ValueError):
        return [math.nan] * 6
    at = at.replace(tzinfo=UTC) if at.tzinfo is None or datatype == "TIME" else at.astimezone(UTC)
    days: list[float] = [at.toordinal() - 719_163, at.month, at.day, at.weekday(), at.timetuple().tm_yday]
    hour = at.hour + at.minute / 60 + at.second / 3600 + at.microsecond / 3.6e9
    return [hour] if datatype == "TIME" else days if datatype == "DATE" else [*days, hour]


def words(content: str, weights: Any) -> Any:
    """A text as its hashed words and pieces of words."""
    parts = re.findall(r"\w+|[^\w\s]", content.casefold())[:2_000]
    pieces = parts + [f"{a} {b}" for a, b in pairwise(parts)]
    pieces += [f"#{word[at : at + 4]}" for word in parts if len(word) > 4 for at in range(len(word) - 3)]
    pieces += [f"=length {len(content).bit_length()}"] * bool(content) + ["=has numbers"] * any(
        map(str.isdecimal, parts)
    )
    hashes = np.array([crc32(piece.encode()) for piece in pieces], np.int64)
    counts = np.bincount(hashes % (2**31 - 1) % len(weights), np.where(hashes >> 31, 1.0, -1.0), len(weights))
    weighed = np.copysign(np.sqrt(np.abs(counts)), counts) * weights
    return weighed / max(np.sqrt((weighed**2).sum()), 1e-6) * np.sqrt(len(weights)) / 4


def encode(machine: Any, row: dict[str, Any]) -> tuple[Any, ...]:
    """A row as numbers, codes of labels and texts; and as networks take it."""
    raw, codes, texts, indexes, wide = [], [], [np.zeros(0)], [], list[float]()
    encoders = machine["encoders"]["encoders"]
    for encoder in encoders:
        value = row.get(encoder["name"])
        raw += numbers(value, encoder["datatype"])[: len(encoder["parts"])]
        if encoder["labels"]:
            classes = [key(each) for each in encoder["labels"]["classes"]]
            known = dict.fromkeys(encoder["labels"]["rare"], 1) | {each: 2 + at for at, each in enumerate(classes)}
            codes.append(known.get(key(value), 0))
            indexes += [codes[-1]] if len(classes) > 9 else []
            wide += [] if len(classes) > 9 else np.eye(2 + len(classes))[codes[-1]].tolist()
        elif encoder["text_weights"]:
            texts.append(words(text(value)[:20_000], np.array(encoder["text_weights"], np.float32)))
    values, parts = np.array(raw, float), [part for encoder in encoders for part in encoder["parts"]]
    low, high, median, scale = np.array([[each[name] for each in parts] for name in ("low", "high", "median", "scale")])
    far = np.nan_to_num(np.clip((np.clip(values, low, high) - median) / scale, -1e6, 1e6))
    knots = [each["knots"] for each in parts if machine["encoders"]["is_ranked"]]
    ranks = [np.interp(raw[at], each, np.linspace(-1, 1, len(each))) * (len(each) > 1) for at, each in enumerate(knots)]
    flags = np.isnan(values)[np.array([each["has_missing"] for each in parts], bool)]
    inputs = np.concatenate([np.clip(values, -8e307, 8e307), codes, *texts])
    seen = np.concatenate([far / np.sqrt(1 + (far / 3) ** 2), np.nan_to_num(ranks)])
    return inputs, seen, np.concatenate([flags, wide, *texts]), indexes


def softmax(x: Any) -> Any:
    """Odds that add up to one."""
    grown = np.exp(x - x.max(-1, keepdims=True))
    return grown / grown.sum(-1, keepdims=True)


ACTIVATIONS: dict[str, Any] = {
    "dense_relu": lambda x: np.maximum(x, 0),
    "dense_elu": lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)),
    "dense_selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    "dense_mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "dense_sigmoid": lambda x: 1 / (1 + np.exp(-np.clip(x, -60, 60))),
    "dense_softmax": softmax,
}


def network(arrays: dict[str, Any], activations: list[str], encoded: tuple[Any, ...]) -> Any:
    """What each member says: members × outputs."""
    _, seen, wide, indexes = encoded
    parts = [np.tile(each, (len(arrays["last_weight"]), 1)) for each in (seen, wide)]
    if "frequency" in arrays:
        waves = np.cos(2 * np.pi * (seen[:, None] * arrays["frequency"] + arrays["phase"]))
        mixed = np.einsum("mnw,mnwk->mnk", waves, arrays["mix"]) + arrays["mix_bias"]
        parts.append(mixed.reshape(len(mixed), -1))
    x = np.concatenate(parts + [arrays[f"table{place}"][:, index] for place, index in enumerate(indexes)], 1)[:, None]
    x = x * arrays.get("twins", 1)
    for at, name in enumerate(activations):
        x = x @ arrays[f"weight{at}"] + arrays[f"bias{at}"][:, None]
        x = x + (ACTIVATIONS[name](x) - x) * arrays[f"share{at}"][:, None]
    x = x[:, :, None] @ arrays["last_weight"] + arrays["last_bias"][:, :, None]
    return x.reshape(-1, x.shape[-1])


def trees(arrays: dict[str, Any], inputs: Any) -> Any:
    """The sums over all trees."""
    sums, sets = arrays["baseline"].astype(float), np.ascontiguousarray(arrays["category_sets"], "<u4").view("u1")
    is_chosen = np.unpackbits(sets, axis=1, bitorder="little")
    for number, start in enumerate(arrays["starts"]):
        at = start
        while not arrays["is_leaf"][at]:
            value, chosen = inputs[arrays["feature"][at]], arrays["category_set"][at]
            if math.isnan(value) or (chosen >= 0 and not 0 <= value < 256):
                left = arrays["missing_left"][at]
            else:
                left = is_chosen[chosen][int(value)] if chosen >= 0 else value <= arrays["threshold"][at]
            at = at + 1 if left else start + arrays["right"][at]
        sums[number % len(sums)] += arrays["value"][at]
    return sums[None]


def forest(arrays: dict[str, Any], inputs: Any) -> Any:
    """The mean over all trees, which compare in single precision."""
    seen, total = np.clip(inputs, -3e38, 3e38).astype(np.float32), 0.0
    for start in arrays["starts"]:
        at = start
        while (asked := arrays["feature"][at]) >= 0:
            left = arrays["missing_left"][at] if np.isnan(seen[asked]) else seen[asked] <= arrays["threshold"][at]
            at = at + 1 if left else arrays["to"][at]
        total = total + arrays["leaf_values"][arrays["to"][at]]
    return total / len(arrays["starts"])


def candidate(part: Any, arrays: dict[str, Any], encoded: tuple[Any, ...]) -> Any:
    """Probabilities, or a number."""
    if part["kind"] == "constant":
        return arrays["values"]
    kind, scale = part["kind"], part["facts"]["scale"]
    if kind.startswith("forest"):
        output = forest(arrays, encoded[0])[None]
    elif kind.startswith("trees"):
        output = trees(arrays, encoded[0])
    else:
        output = network(arrays, part["facts"]["activations"], encoded)
    if scale:
        return np.clip(output * scale["deviation"] + scale["mean"], scale["low"], scale["high"]).mean(0)
    if kind.startswith("forest"):
        return output[0]
    return softmax(np.pad(output, [(0, 0), (int(output.shape[1] == 1), 0)])).mean(0)


def shown(number: float, datatype: str) -> Any:
    """A number as an output has it: as a date or a time, if it is one."""
    if datatype == "FLOAT":
        return number
    first, last = (0, 86_399) if datatype == "TIME" else (-62_135_596_800, 253_402_300_799)
    moment = datetime.fromtimestamp(min(max(round(number), first), last), UTC).replace(tzinfo=None)
    return (moment.date() if datatype == "DATE" else moment.time() if datatype == "TIME" else moment).isoformat()


def answer(machine: Any, arrays: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """What a machine says of one row: by output, a value with probabilities or an interval."""
    encoded, answers = encode(machine, row), {}
    for number, head in enumerate(machine["heads"]):
        mixed: Any = 0.0
        for place, part in enumerate(head["candidates"]):
            own = {name.split(".", 2)[2]: x for name, x in arrays.items() if name.startswith(f"{number}.{place}.")}
            mixed = mixed + part["weight"] * candidate(part, own, encoded)
        if classes := head["classes"]:
            odds = softmax(np.log(np.clip(mixed, 1e-15, 1)) / head["temperature"])
            odds = (1 - head["floor"]) * odds + head["floor"] * np.array(head["shares"])
            best = odds.argmax() if head["threshold"] is None else int(odds[1] >= head["threshold"])
            output = {"value": classes[best], "probabilities": dict(zip(classes, odds.tolist(), strict=True))}
        else:
            margins = [] if head["margin"] is None else [-head["margin"], head["margin"]]
            output = {"value": shown(float(mixed[0]), head["datatype"])}
            output |= (
                {"interval": [shown(float(mixed[0]) + each, head["datatype"]) for each in margins]} if margins else {}
            )
        answers[head["name"]] = output
    return answers


if __name__ == "__main__":
    known = read(Path(__file__).with_name("machine.safetensors").read_bytes())
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps([answer(*known, row) for row in rows], ensure_ascii=False) + "\n")
