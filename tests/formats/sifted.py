"""Labels sifted from files, without a child process."""

from shapely import box

AREA = box(12, 46, 12.1, 46.1)
BUILDINGS = {"building": []}
SIDE = 0.0001


def square(number):
    x = 12.0001 + 2 * SIDE * (number % 100)
    y = 46.0001 + 2 * SIDE * (number // 100)
    return box(x, y, x + SIDE, y + SIDE)
