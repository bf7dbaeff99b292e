"""Parsers of bytes from outside run here: in child processes whose memory and time are limited.

A parser is a function of a module. It takes and returns plain values: bytes, texts, numbers, lists, objects. It raises
`Unreadable`, or `Invalid` where it knows the field, for what is wrong with its input. `run` calls it in a child, and
`bounds` has checks of depth, tokens and sizes that parsers make first.
"""

from app.errors import Unreadable
from app.parsing.children import run

__all__ = ["Unreadable", "run"]
