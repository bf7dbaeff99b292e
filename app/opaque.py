"""Values that Python may only pass on. Whatever would look into one raises `Unplanned`."""

from typing import Any, NoReturn

from app.errors import Unplanned

ARITHMETIC = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("lshift", "rshift", "and", "xor", "or"),
)
OPERATIONS = (
    *("bool", "len", "iter", "next", "reversed", "contains", "getitem", "length_hint", "call"),
    *("eq", "ne", "lt", "le", "gt", "ge", "hash"),
    *("int", "float", "complex", "index", "round", "trunc", "floor", "ceil", "neg", "pos", "abs", "invert"),
    *("str", "repr", "format", "bytes", "fspath"),
    *(f"{side}{operation}" for operation in ARITHMETIC for side in ("", "r", "i")),
)


class Opaque:
    """Base class: no comparison, truth, size, hash, number or text. `is None` is all that can be asked of one."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        # What begins with an underscore is how libraries find out what they were given.
        if name.startswith("_") or name == "is_clause_element":
            raise AttributeError(name)
        _refuse(self)


def _refuse(self: Opaque, *_: Any) -> NoReturn:
    raise Unplanned(f"Python would look into {type(self).__name__}")


for _name in OPERATIONS:
    setattr(Opaque, f"__{_name}__", _refuse)
