"""Files as PyTorch writes them, made without it."""

import io
import pickle
import sys
import zipfile
from collections import OrderedDict
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

KINDS = {"float32": "FloatStorage", "int64": "LongStorage"}


class Stored:
    """The numbers of a tensor, which a pickle refers to."""

    def __init__(self, key: str, array: Any) -> None:
        self.key, self.array = key, array


class Tensor:
    def __init__(self, stored: Stored, shape: Any, stride: Any, offset: int = 0) -> None:
        self.stored, self.shape, self.stride, self.offset = stored, shape, stride, offset

    def __reduce__(self):
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.stored, self.offset, self.shape, self.stride, False, OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if not isinstance(value, Stored):
            return None
        kind = getattr(sys.modules["torch"], KINDS[value.array.dtype.name])
        return ("storage", kind, value.key, "cpu", value.array.size)


@contextmanager
def _as_torch():
    torch, inner = ModuleType("torch"), ModuleType("torch._utils")
    for kind in KINDS.values():
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    inner._rebuild_tensor_v2 = _rebuild_tensor_v2
    kept = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules |= {"torch": torch, "torch._utils": inner}
    try:
        yield
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def tensor(array, key="0", **changed):
    strides = tuple(step // array.itemsize for step in array.strides)
    flat = np.ascontiguousarray(array).ravel()
    return Tensor(**{"stored": Stored(key, flat), "shape": array.shape, "stride": strides, **changed})


def pickled(value):
    file = io.BytesIO()
    with _as_torch():
        Pickler(file, protocol=2).dump(value)
    return file.getvalue()


def archive(value, numbers, *, packed=False):
    """The present form: a ZIP."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as made:
        made.writestr("archive/data.pkl", value if isinstance(value, bytes) else pickled(value))
        for key, array in numbers.items():
            made.writestr(f"archive/data/{key}", array.tobytes())
    return file.getvalue()


def legacy(value, numbers, *, little_endian=True):
    """The form before 2020: pickles in a row, then numbers."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": little_endian}, value, list(numbers))
    tails = (array.size.to_bytes(8, "little") + array.tobytes() for array in numbers.values())
    return b"".join([*map(pickled, head), *tails])
