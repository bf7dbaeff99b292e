"""Detections as COCO Camera Traps, for training elsewhere: pictures, categories, and boxes in pixels."""

from collections.abc import Mapping
from typing import Any

import orjson

VERSION = "1.0"


class CocoWriter:
    """Writes pictures first and boxes after them; both come by the batch."""

    media_type = "application/json"

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._head = b'{"info":' + orjson.dumps({"version": VERSION, **info}) + b',"licenses":[]'
        self._has_before = False

    def begin(self) -> bytes:
        """The head, and the beginning of the pictures."""
        return self._head + b',"images":[\n'

    def write(self, objects: list[dict[str, Any]]) -> bytes:
        """More pictures, or more boxes."""
        if not objects:
            return b""
        before = b",\n" if self._has_before else b""
        self._has_before = True
        return before + b",\n".join(map(orjson.dumps, objects))

    def boxes(self) -> bytes:
        """The end of the pictures, and the beginning of the boxes."""
        self._has_before = False
        return b'\n],"annotations":[\n'

    def finish(self, categories: Mapping[int, str]) -> bytes:
        """The end of the boxes, and the categories."""
        listed = [{"id": key, "name": name} for key, name in sorted(categories.items())]
        return b'\n],"categories":' + orjson.dumps(listed) + b"}\n"
