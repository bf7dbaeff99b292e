"""Tensors out of PyTorch's files, of which none is ever unpickled.

Such a file is a pickle, which is a program, and beside it the numbers. The program is read here as data: of its
instructions only those that name tensors are known, they import nothing and call nothing, and any other one is refused.
"""

import io
import pickletools
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
INSTRUCTIONS_MAX = 1_000_000
DTYPES: dict[str, np.dtype[Any]] = {
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch DoubleStorage": np.dtype("<f8"),
    "torch LongStorage": np.dtype("<i8"),
}
REBUILD, ORDERED = "torch._utils _rebuild_tensor_v2", "collections OrderedDict"
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
VALUES = {
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "BINFLOAT",
}


class NoTensors(Exception):
    """A file holds something other than tensors, or is damaged."""


@dataclass(frozen=True)
class _Named:
    """A name from a module, which stays a name."""

    name: str


@dataclass(frozen=True)
class _Storage:
    """Numbers that stand elsewhere in the file."""

    dtype: np.dtype[Any]
    key: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A tensor over some of these numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Mark:
    """Where the operands of an instruction begin."""


@dataclass
class _Machine:
    """Follows the instructions of one pickle; answers with what stands on the stack at its end."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self, file: io.BytesIO) -> Any:
        try:
            for number, (instruction, argument, _) in enumerate(pickletools.genops(file)):
                if number > INSTRUCTIONS_MAX:
                    raise NoTensors("It has too many instructions.")
                self._follow(instruction.name, argument)
            return self.stack.pop()
        except (ValueError, IndexError, KeyError, TypeError) as error:
            raise NoTensors("Its instructions are damaged.") from error

    def _follow(self, name: str, argument: Any) -> None:
        if name in VALUES:
            self.stack.append(argument)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in self.KNOWN:
            self.KNOWN[name](self, argument)
        else:
            raise NoTensors(f"It has the instruction {name}, which tensors do not need.")

    def since_mark(self) -> list[Any]:
        taken: list[Any] = []
        while not isinstance(top := self.stack.pop(), _Mark):
            taken.append(top)
        return taken[::-1]

    def tuple_of(self, count: int) -> None:
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def set_items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            # A key of tuples within tuples would take for ever to hash.
            if not isinstance(name, str | int) or not isinstance(target, dict):
                raise NoTensors("It has names that are no text.")
            target[name] = value

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise NoTensors("It fills what is no list.")
        target.extend(values)

    def name(self, name: str) -> None:
        if name not in {REBUILD, ORDERED, *DTYPES}:
            raise NoTensors(f"It asks for {name}, which tensors do not need.")
        self.stack.append(_Named(name))

    def call(self, _: object) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if called == _Named(ORDERED) and arguments == ():
            self.stack.append({})
        elif called == _Named(REBUILD):
            self.stack.append(_tensor(*arguments[:4]))
        else:
            raise NoTensors("It calls what tensors do not need.")

    def refer(self, _: object) -> None:
        kind, storage, key, _place, count = self.stack.pop()[:5]
        if kind != "storage" or not isinstance(storage, _Named) or storage.name not in DTYPES:
            raise NoTensors("It refers to something other than numbers.")
        self.stack.append(_Storage(DTYPES[storage.name], str(key), int(count)))

    def keep(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def rest(self, _: object) -> None:
        """Nothing to do."""

    def drop(self, _: object) -> None:
        self.stack.pop()  # what an object would have as its attributes

    KNOWN: ClassVar[dict[str, Callable[["_Machine", Any], None]]] = {
        "PROTO": rest,
        "STOP": rest,
        "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
        "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
        "MARK": lambda machine, _: machine.stack.append(_Mark()),
        "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.since_mark())),
        "TUPLE1": lambda machine, _: machine.tuple_of(1),
        "TUPLE2": lambda machine, _: machine.tuple_of(2),
        "TUPLE3": lambda machine, _: machine.tuple_of(3),
        "SETITEM": lambda machine, _: machine.set_items([machine.stack.pop(-2), machine.stack.pop()]),
        "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
        "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
        "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
        "BINPUT": keep,
        "LONG_BINPUT": keep,
        "BINGET": lambda machine, place: machine.stack.append(machine.memo[place]),
        "LONG_BINGET": lambda machine, place: machine.stack.append(machine.memo[place]),
        "GLOBAL": name,
        "REDUCE": call,
        "BINPERSID": refer,
        "BUILD": drop,
    }


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any) -> _Tensor:
    numbers = (offset, *shape, *stride)
    if not isinstance(storage, _Storage) or not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise NoTensors("It has a tensor of no known shape.")
    # Also of one whose numbers repeat: it would be larger once written.
    if offset + prod(shape) > storage.count or len(shape) != len(stride):
        raise NoTensors("It has a tensor that is larger than its numbers.")
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


def read(data: bytes, *below: str) -> dict[str, Array]:
    """The tensors of a file by name; `below` leads to them where the file has more. Raises `NoTensors`."""
    tensors, numbers = _of_archive(data) if zipfile.is_zipfile(io.BytesIO(data)) else _of_legacy(data)
    for name in below:
        tensors = tensors.get(name) if isinstance(tensors, dict) else None
    if not isinstance(tensors, dict):
        raise NoTensors("It has no tensors.")
    return {str(name): _array(value, numbers) for name, value in tensors.items() if isinstance(value, _Tensor)}


def _array(tensor: _Tensor, numbers: Callable[[_Storage], bytes]) -> Array:
    storage, size = tensor.storage, tensor.storage.dtype.itemsize
    raw = numbers(storage)
    if len(raw) < storage.count * size:
        raise NoTensors("Numbers are missing.")
    steps = tuple(size * step for step in tensor.stride)
    try:
        # NumPy looks whether all of it lies within the numbers.
        return np.ndarray(tensor.shape, storage.dtype, raw, tensor.offset * size, steps)
    except (ValueError, TypeError, OverflowError) as error:
        raise NoTensors("Numbers are missing.") from error


def _of_archive(data: bytes) -> tuple[Any, Callable[[_Storage], bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        sizes = {entry.filename: entry for entry in archive.infolist()}
        [pickle] = [name for name in sizes if name.endswith("/data.pkl")]
        tensors = _Machine().run(io.BytesIO(_member(archive, sizes[pickle], len(data))))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise NoTensors("The archive is damaged.") from error
    folder = pickle.removesuffix("data.pkl")

    def numbers(storage: _Storage) -> bytes:
        entry = sizes.get(f"{folder}data/{storage.key}")
        if entry is None:
            raise NoTensors("Numbers are missing.")
        return _member(archive, entry, len(data))

    return tensors, numbers


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, bytes_max: int) -> bytes:
    # PyTorch stores without packing: what claims to be larger than the file is no file of its.
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > bytes_max:
        raise NoTensors("The archive is packed.")
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise NoTensors("The archive is damaged.") from error


def _of_legacy(data: bytes) -> tuple[Any, Callable[[_Storage], bytes]]:
    """The form before 2020: four pickles, the names of the numbers in a fifth, then the numbers."""
    file = io.BytesIO(data)
    magic, protocol, system = (_Machine().run(file) for _ in range(3))
    if magic != LEGACY_MAGIC or protocol != LEGACY_PROTOCOL or not isinstance(system, dict):
        raise NoTensors("It is no file of PyTorch.")
    if system.get("little_endian") is not True:
        raise NoTensors("Its numbers are written backwards.")
    tensors, names = _Machine().run(file), _Machine().run(file)
    sizes = {storage.key: storage.count * storage.dtype.itemsize for storage in _storages(tensors)}
    numbers = {}
    for name in names if isinstance(names, list) else []:
        file.seek(8, io.SEEK_CUR)  # how many there are, which the pickle says too
        numbers[str(name)] = file.read(sizes.get(str(name), 0))
    return tensors, lambda storage: numbers.get(storage.key, b"")


def _storages(tensors: Any) -> Iterator[_Storage]:
    for value in tensors.values() if isinstance(tensors, dict) else ():
        if isinstance(value, _Tensor):
            yield value.storage
