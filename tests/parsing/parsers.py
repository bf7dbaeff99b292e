"""Parsers that do what none should, by name: a child imports them."""

import ctypes
import os
import time

from app.errors import Invalid, Unreadable


def echo(*values):
    return values


def pid():
    return os.getpid()


def surroundings():
    return dict(os.environ)


def setting(name):
    from app.settings import settings  # noqa: PLC0415

    return getattr(settings, name)


def take(size):
    return len(bytearray(size))


def keep(size, kept=[]):  # noqa: B006
    kept.append(bytearray(size))
    return os.getpid()


def answer(size):
    return bytes(size)


def spin():
    while True:
        pass


def sleep():
    time.sleep(3_600)


def crash():
    ctypes.string_at(0)


def recurse():
    return recurse()


def mistake():
    return {}["nothing"]


def refuse():
    raise Unreadable("This has no end.")


def refuse_a_field():
    raise Invalid("file.features.3", "This is not a GeoJSON Feature.")
