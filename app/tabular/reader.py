"""Answers with a machine of Fieldgraph, without Fieldgraph: it takes this file, NumPy and `machine.safetensors`.

`python reader.py rows.json` prints an answer for each row of a list of objects by the names of columns. Dates and times
are texts as ISO 8601 writes them, numbers are numbers; what is missing or unknown may be left out.
"""

import json
import math
import re
import sys
from datetime import UTC, date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

Json = dict[str, Any]
TYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "u1", "U16": "<u2", "U32": "<u4"}


def read(data: bytes) -> tuple[Json, dict[str, Any]]:
    """The facts of a machine, and its arrays."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    machine: Json = json.loads(header.pop("__metadata__")["machine"])
    cut = {
        name: data[start + each["data_offsets"][0] : start + each["data_offsets"][1]] for name, each in header.items()
    }
    return machine, {
        name: np.frombuffer(cut[name], TYPES[h["dtype"]]).reshape(h["shape"]) for name, h in header.items()
    }


def key(value: Any) -> str | None:
    """By what equal labels are known."""
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).strip().casefold() or None


def numbers(value: Any, datatype: str) -> list[float]:
    """A cell as the numbers that stand for it."""
    try:
        if datatype == "FLOAT":
            number = math.nan if value in {None, ""} else float(value)
            return [number if math.isfinite(number) else math.nan]
        if datatype == "TIME":
            clock = time.fromisoformat(value)
            return [clock.hour + clock.minute / 60 + clock.second / 3600 + clock.microsecond / 3.6e9]
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return [math.nan] * {"FLOAT": 1, "TIME": 1, "DATE": 5}.get(datatype, 6)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    day = moment.date()
    of_day = moment.hour + moment.minute / 60 + moment.second / 3600
    parts = [(day - date(1970, 1, 1)).days, day.month, day.day, day.weekday(), day.timetuple().tm_yday, of_day]
    return [float(part) for part in (parts if datatype == "DATETIME" else parts[:5])]


def text(value: Any, weights: Any) -> Any:
    """A text as hashed words and pieces of words."""
    counts, said = (
        np.zeros(len(weights)),
        "" if value is None else value if isinstance(value, str) else json.dumps(value),
    )
    words = re.findall(r"\w+|[^\w\s]", said[:20_000].casefold())[:2_000] if said else []
    pieces = words + [f"{a} {b}" for a, b in pairwise(words)]
    pieces += [f"#{word[at : at + 4]}" for word in words if len(word) > 4 for at in range(len(word) - 3)]
    pieces += [f"=length {len(said[:20_000]).bit_length()}"] if said else []
    pieces += ["=has numbers"] if any(word.isdecimal() for word in words) else []
    for piece in pieces:
        number = crc32(piece.encode())
        counts[number % (2**31 - 1) % len(weights)] += 1 if number >> 31 else -1
    weighed = np.copysign(np.sqrt(np.abs(counts)), counts) * weights
    return weighed / max(np.sqrt((weighed**2).sum()), 1e-6) * np.sqrt(len(weights)) / 4


def encode(machine: Json, row: Json) -> tuple[Any, ...]:
    """A row as numbers, codes of labels and texts; and as networks take it."""
    raw, codes, texts, level, ranks, flags, wide, indexes = [], [], [], [], [], [], [], []
    for encoder in machine["encoders"]["encoders"]:
        value = row.get(encoder["name"])
        if encoder["labels"]:
            known = encoder["labels"]["classes"]
            found = {key(each): 2 + at for at, each in reversed(list(enumerate(known)))}
            rare = dict.fromkeys(encoder["labels"]["rare"], 1)
            codes.append(0 if key(value) is None else found.get(key(value), rare.get(key(value), 0)))
            if len(known) > 9:
                indexes.append(codes[-1])
            else:
                wide += [float(at == codes[-1]) for at in range(2 + len(known))]
        elif encoder["text_weights"]:
            texts.append(text(value, np.array(encoder["text_weights"], np.float32)))
        for part, number in zip(encoder["parts"], numbers(value, encoder["datatype"]), strict=False):
            raw.append(number)
            far = (min(max(number, part["low"]), part["high"]) - part["median"]) / part["scale"]
            far = 0.0 if math.isnan(number) else min(max(far, -1e6), 1e6)
            level.append(far / math.sqrt(1 + (far / 3) ** 2))
            flags += [float(math.isnan(number))] if part["has_missing"] else []
            knots = part["knots"]
            usable = len(knots) > 1 and not math.isnan(number)
            ranks.append(float(np.interp(number, knots, np.linspace(-1, 1, len(knots)))) if usable else 0.0)
    joined = np.concatenate([np.zeros(0), *texts])
    inputs = np.concatenate([np.clip(np.array(raw, float), -8e307, 8e307), np.array(codes, float), joined])
    seen = np.array(level + (ranks if machine["encoders"]["is_ranked"] else []))
    return inputs, seen, np.concatenate([np.array(flags + wide, float), joined]), indexes


def shown(number: float, datatype: str) -> Any:
    """A number as an output has it: as a date or a time, if it is one."""
    if datatype == "FLOAT":
        return number
    if datatype == "TIME":
        second = min(max(round(number), 0), 86_399)
        return time(second // 3600, second // 60 % 60, second % 60).isoformat()
    moment = datetime.fromtimestamp(min(max(round(number), -62_135_596_800), 253_402_300_799), UTC)
    return moment.date().isoformat() if datatype == "DATE" else moment.replace(tzinfo=None).isoformat()


def softmax(x: Any) -> Any:
    """Odds that add up to one."""
    grown = np.exp(x - x.max(-1, keepdims=True))
    return grown / grown.sum(-1, keepdims=True)


ACTIVATIONS: Json = {
    "dense_relu": lambda x: np.maximum(x, 0),
    "dense_elu": lambda x: np.maximum(x, 0) + np.exp(np.minimum(x, 0)) - 1,
    "dense_selu": lambda x: (
        1.0507009873554805 * (np.maximum(x, 0) + 1.6732632423543772 * (np.exp(np.minimum(x, 0)) - 1))
    ),
    "dense_mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "dense_sigmoid": lambda x: 1 / (1 + np.exp(-np.clip(x, -60, 60))),
    "dense_softmax": softmax,
}


def network(arrays: Json, activations: list[str], encoded: tuple[Any, ...]) -> Any:
    """What each member says: members × outputs."""
    _, seen, wide, indexes = encoded
    members = len(arrays["last_weight"])
    parts = [np.tile(seen, (members, 1)), np.tile(wide, (members, 1))]
    if "frequency" in arrays and len(seen):
        waves = np.cos(2 * np.pi * (seen[:, None] * arrays["frequency"] + arrays["phase"]))
        parts.append((np.einsum("mnw,mnwk->mnk", waves, arrays["mix"]) + arrays["mix_bias"]).reshape(members, -1))
    x = np.concatenate(parts + [arrays[f"table{place}"][:, index] for place, index in enumerate(indexes)], 1)[:, None]
    x = x * arrays["twins"] if "twins" in arrays else x
    for at, name in enumerate(activations):
        x = x @ arrays[f"weight{at}"] + arrays[f"bias{at}"][:, None]
        x = x + (ACTIVATIONS[name](x) - x) * arrays[f"share{at}"][:, None]
    x = x[:, :, None] @ arrays["last_weight"] + arrays["last_bias"][:, :, None]
    return x.reshape(-1, x.shape[-1])


def trees(arrays: Json, inputs: Any) -> Any:
    """The sums over all trees."""
    sums = arrays["baseline"].astype(float)
    for number, start in enumerate(arrays["starts"]):
        at = start
        while not arrays["is_leaf"][at]:
            value, chosen = inputs[arrays["feature"][at]], arrays["category_set"][at]
            if math.isnan(value) or (chosen >= 0 and not 0 <= value < 256):
                left = arrays["missing_left"][at]
            elif chosen >= 0:
                left = arrays["category_sets"][chosen][int(value) // 32] >> int(value) % 32 & 1
            else:
                left = value <= arrays["threshold"][at]
            at = at + 1 if left else start + arrays["right"][at]
        sums[number % len(sums)] += arrays["value"][at]
    return sums


def candidate(part: Json, arrays: Json, encoded: tuple[Any, ...]) -> Any:
    """Probabilities, or a number."""
    if part["kind"] == "constant":
        return arrays["values"]
    is_tree, scale = part["kind"].startswith("trees"), part["facts"]["scale"]
    said = trees(arrays, encoded[0])[None] if is_tree else network(arrays, part["facts"]["activations"], encoded)
    if scale:
        return np.clip(said * scale["deviation"] + scale["mean"], scale["low"], scale["high"]).mean(0)
    said = np.concatenate([np.zeros_like(said), said], 1) if said.shape[1] == 1 else said
    return softmax(said).mean(0)


def answer(machine: Json, arrays: Json, row: Json) -> Json:
    """What a machine says of one row: by output, a value with probabilities or an interval."""
    encoded, answers = encode(machine, row), {}
    for number, head in enumerate(machine["heads"]):
        mixed: Any = 0.0
        for place, part in enumerate(head["candidates"]):
            own = {
                name.split(".", 2)[2]: each for name, each in arrays.items() if name.startswith(f"{number}.{place}.")
            }
            mixed = mixed + part["weight"] * candidate(part, own, encoded)
        if not head["classes"]:
            value, margin, datatype = float(mixed[0]), head["margin"], head["datatype"]
            ends = [] if margin is None else [shown(value - margin, datatype), shown(value + margin, datatype)]
            answers[head["name"]] = {"value": shown(value, datatype)} | ({"interval": ends} if ends else {})
            continue
        odds = softmax(np.log(np.clip(mixed, 1e-15, 1)) / head["temperature"]) if head["temperature"] != 1 else mixed
        odds = (1 - head["floor"]) * odds + head["floor"] * np.array(head["shares"])
        best = int(odds.argmax()) if head["threshold"] is None else int(odds[1] >= head["threshold"])
        answers[head["name"]] = {
            "value": head["classes"][best],
            "probabilities": dict(zip(head["classes"], odds.tolist(), strict=True)),
        }
    return answers


if __name__ == "__main__":
    known = read(Path(__file__).with_name("machine.safetensors").read_bytes())
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps([answer(*known, row) for row in rows], ensure_ascii=False) + "\n")
