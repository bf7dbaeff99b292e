"""A machine as one safetensors file: the arrays of its candidates, and all else as JSON in the header."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from app.tabular.candidates.heads import Head, restored
from app.tabular.inputs.encoders import Encoders

FORMAT, FORMAT_VERSION = "fieldgraph-machine", 1
FIELDS = ("column", "name", "datatype", "temperature", "floor", "margin", "threshold", "low", "high")
Arrays = dict[str, NDArray[Any]]


class UnreadableMachine(Exception):
    """These bytes are no machine that can answer; the message says why."""


def write(encoders: Encoders, heads: list[Head], facts: Mapping[str, Any]) -> bytes:
    """The file of a machine."""
    arrays: Arrays = {}
    described = []
    for number, head in enumerate(heads):
        parts = []
        for place, (weight, candidate) in enumerate(head.candidates):
            stored, own = candidate.stored()
            parts.append({"kind": candidate.kind, "weight": weight, "facts": stored})
            arrays |= {f"{number}.{place}.{name}": np.array(each, order="C") for name, each in own.items()}
        fields = {name: getattr(head, name) for name in FIELDS}
        described.append({**fields, "classes": head.classes, "shares": head.shares, "candidates": parts})
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "encoders": encoders.plain(),
        "encoders_sha256": encoders.sha256,
        "heads": described,
        "facts": dict(facts),
    }
    return save(arrays, {"machine": json.dumps(header, ensure_ascii=False)})


def header_of(data: bytes) -> dict[str, Any]:
    """What stands in the header, before any array is read."""
    length = int.from_bytes(data[:8], "little")
    try:
        header: dict[str, Any] = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["machine"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableMachine("This file is not a machine.") from None
    if header.get("format") != FORMAT or header.get("format_version") != FORMAT_VERSION:
        raise UnreadableMachine("This machine was written in a format of another version. Train it again.")
    return header


def read(data: bytes) -> tuple[Encoders, list[Head], dict[str, Any]]:
    """A machine again; refused if its weights and its encoders do not belong together."""
    header = header_of(data)
    try:
        encoders = Encoders.read(header["encoders"])
        arrays = load(data)
        heads = [_head(arrays, number, each) for number, each in enumerate(header["heads"])]
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise UnreadableMachine("This machine is damaged. Train it again.") from None
    if encoders.sha256 != header["encoders_sha256"]:
        raise UnreadableMachine("The weights of this machine belong to other encoders. Train it again.")
    return encoders, heads, header["facts"]


def _head(arrays: Arrays, number: int, described: Mapping[str, Any]) -> Head:
    candidates = []
    for place, part in enumerate(described["candidates"]):
        prefix = f"{number}.{place}."
        own = {name.removeprefix(prefix): each for name, each in arrays.items() if name.startswith(prefix)}
        candidates.append((part["weight"], restored(part["kind"], part["facts"], own)))
    fields = {name: described[name] for name in FIELDS}
    classes, shares = tuple(described["classes"]), tuple(described["shares"])
    return Head(**fields, classes=classes, shares=shares, candidates=candidates)
