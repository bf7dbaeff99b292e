"""What a parsing child and its parent say to each other: frames of MessagePack, each behind its length."""

import struct
from typing import Any, NamedTuple

import msgpack

LENGTH = struct.Struct(">Q")


class Task(NamedTuple):
    """A parser to be called, and within which limits."""

    module: str
    name: str
    arguments: list[Any]
    settings: dict[str, float]
    memory_bytes_max: int
    cpu_s_max: float
    wall_s_max: float


class TaskResult(NamedTuple):
    """How a call ended: `result`, `invalid`, `unreadable`, `memory` or `broken`, with its values."""

    kind: str
    values: list[Any]
    is_last: bool
    """Whether the child ends with it, because it holds memory that it cannot give back."""

    cpu_s: float = 0.0
    """How much processor time the call took."""


def packed(message: Task | TaskResult) -> bytes:
    """A whole frame."""
    content: bytes = msgpack.packb(list(message))
    return LENGTH.pack(len(content)) + content


def unpacked(content: bytes | bytearray) -> list[Any]:
    """The values of a frame, without its length."""
    values: list[Any] = msgpack.unpackb(content, strict_map_key=False)
    return values
