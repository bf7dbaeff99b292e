"""Pictures of animals, drawn with NumPy alone: no library that scales otherwise tomorrow changes a pixel of them."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def beast() -> Picture:
    """A four-legged animal before grass, 640 pixels wide and high."""
    rows, columns = np.mgrid[0:640, 0:640].astype(np.float64)
    waves = sum(np.sin(columns / a + rows / b) for a, b in ((3, 11), (7, -5), (17, 23), (41, -37)))
    ground = np.stack([95 + 12 * waves + rows / 12, 110 + 14 * waves + rows / 16, 70 + 10 * waves], -1)

    def inside(x, y, w, h, turn=0.0):
        c, s = np.cos(turn), np.sin(turn)
        u, v = (columns - x) * c + (rows - y) * s, -(columns - x) * s + (rows - y) * c
        return (u / w) ** 2 + (v / h) ** 2 <= 1

    shape = inside(320, 330, 120, 55) | inside(450, 265, 42, 26, 0.5) | inside(410, 300, 60, 26, -0.75)
    shape |= inside(430, 235, 8, 22) | inside(452, 232, 8, 22) | inside(205, 315, 45, 9, -0.6)
    for x in (235, 275, 370, 405):
        shape |= inside(x, 400, 11, 65)
    fur = np.stack([105 + 8 * waves, 72 + 6 * waves, 45 + 5 * waves], -1) * (1 - (rows[..., None] - 330) / 500)
    return np.where(shape[..., None], fur, ground).clip(0, 255).astype(np.uint8)


# Where its box is: as the reference implementation in PyTorch found it, in pixels, and how sure it was.
BEAST_BOX = (158.006317, 265.679413, 478.460907, 398.896881)
BEAST_SCORE = 0.510895


def patch(kind: int, place: int, seed: int, side: int = 96) -> Picture:
    """A scene with one of three furs in its middle: spots, stripes or plain; each place has its own ground."""
    random = np.random.default_rng([kind, place, seed])
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float64) / side
    tint = np.random.default_rng(place).uniform(40, 190, 3)
    ground = tint + 15 * np.sin(30 * rows + 7 * place)[..., None] + random.normal(0, 8, (side, side, 1))
    x, y = random.uniform(0.42, 0.58, 2)
    shape = ((columns - x) / 0.33) ** 2 + ((rows - y) / 0.24) ** 2 <= 1
    turn = random.uniform(0, 6)
    fur = {
        0: 60 + 90 * (np.sin(40 * columns + turn) * np.sin(40 * rows + turn) > 0.2),
        1: 70 + 110 * (np.sin(55 * columns + 12 * rows + turn) > 0),
        2: 120 + 10 * np.sin(3 * rows + turn),
    }[kind]
    coat = fur[..., None] * np.array([1.0, 0.8, 0.6]) + random.normal(0, 6, (side, side, 1))
    return np.where(shape[..., None], coat, ground).clip(0, 255).astype(np.uint8)


PATCH_BOX = (0.15, 0.2, 0.7, 0.6)
