"""Texts as numbers: words and pieces of words, hashed into a fixed number of places."""

import re
from collections.abc import Iterator
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
WORD = re.compile(r"\w+|[^\w\s]")
PIECE = 4
WORDS_MAX = 2_000


def pieces(text: str) -> Iterator[str]:
    """Words, pairs of words, and pieces of four characters of longer words; and how long the text is."""
    words = WORD.findall(text.casefold())[:WORDS_MAX]
    before = ""
    for word in words:
        yield word
        if before:
            yield f"{before} {word}"
        before = word
        for place in range(len(word) - PIECE + 1 if len(word) > PIECE else 0):
            yield f"#{word[place : place + PIECE]}"
    yield f"=length {len(text).bit_length()}"
    if any(each.isdecimal() for each in words):
        yield "=has numbers"


def counted(texts: list[str], width: int) -> Floats:
    """How often the pieces of each text fall on each place, as square roots; a hash decides place and sign."""
    table = np.zeros((len(texts), width), np.float32)
    for row, text in enumerate(texts):
        if not text:
            continue
        hashes = np.array([crc32(piece.encode()) for piece in pieces(text)], np.int64)
        signs = np.where(hashes >> 31, 1.0, -1.0)
        table[row] = np.bincount(hashes % (2**31 - 1) % width, signs, width)
    return np.copysign(np.sqrt(np.abs(table)), table)


def levelled(counts: Floats, weights: Floats) -> Floats:
    """Each text with the same length as a vector, rare places counting more."""
    weighed = counts * weights
    length = np.sqrt((weighed**2).sum(1, keepdims=True))
    level: Floats = weighed / np.maximum(length, np.float32(1e-6)) * np.float32(np.sqrt(counts.shape[1]) / 4)
    return level


def rarity(counts: Floats) -> Floats:
    """How much each place counts: the logarithm of the share of texts that have it."""
    share = (1 + (counts != 0).sum(0)) / (1 + len(counts))
    rare: Floats = (1 - np.log(share)).astype(np.float32)
    return rare
