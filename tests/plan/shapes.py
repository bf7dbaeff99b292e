"""What is asked of one object so far, so that selections which meet in an answer do not contradict each other."""

from dataclasses import dataclass, field, replace


@dataclass
class Call:
    """What a response key stands for, wherever the same object is asked for it."""

    field: str
    arguments: str
    type_name: str
    size: int
    uses: frozenset[str]
    shape: "Shape" = field(default_factory=dict)


Shape = dict[str, Call]


def fits(one: Shape, other: Shape) -> bool:
    """Whether the two may be asked of the same object."""
    return all(
        call.type_name == other[key].type_name
        and (call.field, call.arguments) == (other[key].field, other[key].arguments)
        and fits(call.shape, other[key].shape)
        for key, call in one.items()
        if key in other
    )


def merge(into: Shape, more: Shape) -> None:
    """Adds what fits, as a copy: a fragment stays what it is wherever it is spread."""
    for key, call in more.items():
        known = into.setdefault(key, replace(call, shape={}))
        merge(known.shape, call.shape)
