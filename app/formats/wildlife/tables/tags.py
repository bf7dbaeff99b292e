"""Tags of Camtrap DP: `key:value` parted by ` | `, with a backslash before a bar or a colon of a value."""

import re
from collections.abc import Iterable

PARTS = re.compile(r"((?:[^|\\]|\\.)*)(?:\||\Z)", re.DOTALL)
COLON = re.compile(r"(?<!\\)((?:\\\\)*):")


def joined(pairs: Iterable[tuple[str, str]]) -> str:
    """Pairs of a key and a value as one text; a tag without a value has an empty one."""
    return " | ".join(f"{_escaped(key)}:{_escaped(value)}" if value else _escaped(key) for key, value in pairs)


def parted(text: str) -> list[tuple[str, str]]:
    """The pairs of a text. What other programs wrote without a backslash is taken as it stands."""
    pairs = []
    for part in PARTS.findall(text):
        tag = part.strip()
        if not tag:
            continue
        colon = COLON.search(tag)
        key, value = (tag, "") if colon is None else (tag[: colon.end() - 1], tag[colon.end() :])
        pairs.append((_plain(key.strip()), _plain(value.strip())))
    return pairs


def _escaped(text: str) -> str:
    return re.sub(r"([\\|:])", r"\\\1", text)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
