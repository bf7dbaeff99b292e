"""A table answered by a machine: called in a child, which writes the same rows in the same order, with answers beside.

Nothing here imports what learns: a machine answers with NumPy alone.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.errors import Unreadable, quoted
from app.formats.harmless import line
from app.formats.tables.answering import Answerer, SolvedRow
from app.formats.tables.lines import rows_of
from app.formats.tables.reading import pieces
from app.tabular.predictor import Predictor

WARNINGS_SHOWN_MAX = 5


def solve(
    path: str, options: dict[str, Any], columns: list[dict[str, Any]], machine: str, target: str
) -> dict[str, Any]:
    """Writes the answers for a table as CSV; how many rows there are, how many have warnings, and what is lacking."""
    rows, names, is_typed = rows_of(Path(path), options)
    answerer = Answerer.of(Predictor.load(Path(machine).read_bytes()), columns, is_typed=is_typed)
    lacking = [name for name in answerer.inputs.values() if name not in names]
    if len(lacking) == len(answerer.inputs):
        example = next(iter(answerer.inputs.values()), "")
        raise Unreadable(f"This table has none of the machine's inputs, such as {quoted(example)}. Name columns alike.")
    count = warned = 0
    with Path(target).open("w", encoding="utf-8", newline="") as file:
        file.write(line([*names, *_headers(answerer, names)]))
        for piece in pieces(rows):
            solved = answerer.solve([dict(zip(names, row, strict=True)) for row in piece])
            for row, answer in zip(piece, solved, strict=True):
                file.write(line([*row, *_cells(answerer, answer)]))
                warned += bool(answer.warnings)
            count += len(piece)
    if not count:
        raise Unreadable("This table has no rows below its header.")
    return {"rows": count, "rowsWithWarnings": warned, "lackingColumns": lacking}


def _headers(answerer: Answerer, names: Sequence[str]) -> list[str]:
    """What each output has: its answer, and how sure it is."""
    headers: list[str] = []
    taken = set(names)
    for head in answerer.predictor.heads:
        parts = ("probability",) if head.classes else ("low", "high") if head.margin is not None else ()
        headers += [_free(name, taken) for name in (head.name, *(f"{head.name} {part}" for part in parts))]
    return [*headers, _free("warnings", taken)]


def _free(name: str, taken: set[str]) -> str:
    """The name, or a longer one if a column has it."""
    while name in taken:
        name = f"{name} (answer)"
    taken.add(name)
    return name


def _cells(answerer: Answerer, answer: SolvedRow) -> Iterable[Any]:
    for head in answerer.predictor.heads:
        value = answer.outputs[head.name]
        yield value
        if head.classes:
            yield answer.probabilities[head.name][value]
        elif head.margin is not None:
            yield from answer.intervals[head.name]
    messages = [each.message for each in answer.warnings]
    more = [f"… and {len(messages) - WARNINGS_SHOWN_MAX} more"] if len(messages) > WARNINGS_SHOWN_MAX else []
    yield " ".join([*messages[:WARNINGS_SHOWN_MAX], *more])
