"""A table with a column of each kind, and graphs of it."""

import numpy as np

from app.formats.graphs import figures
from app.formats.graphs.figures import Cells, Drawn
from app.tabular.datatypes import Datatype

LINES = 400
RANDOM = np.random.default_rng(4)
GROUPS = RANDOM.integers(0, 3, LINES)
COLUMNS = {
    "number": (
        Datatype.FLOAT,
        [None if at % 50 == 0 else float(each) for at, each in enumerate(RANDOM.normal(GROUPS))],
    ),
    "positive": (Datatype.FLOAT, np.exp(RANDOM.normal(2, 1.5, LINES)).tolist()),
    "few": (Datatype.FLOAT, RANDOM.integers(1, 5, LINES).astype(float).tolist()),
    "constant": (Datatype.FLOAT, [7.5] * LINES),
    "empty": (Datatype.FLOAT, [None] * LINES),
    "huge": (Datatype.FLOAT, [1e308, -1e308, 5e-324, 1e149] * (LINES // 4)),
    "label": (Datatype.LABEL, [["a<b>", "$x$", "価格"][group] if at % 7 else None for at, group in enumerate(GROUPS)]),
    "two": (Datatype.LABEL, [["yes", "no"][each] for each in RANDOM.integers(0, 2, LINES)]),
    "many": (Datatype.LABEL, [f"v{each}" for each in RANDOM.integers(0, 60, LINES)]),
    "date": (
        Datatype.DATE,
        [str(np.datetime64("1969-12-01") + each) for each in RANDOM.integers(0, 700, LINES).tolist()],
    ),
    "moment": (
        Datatype.DATETIME,
        [str(np.datetime64("2020-01-01T00:00:00") + each) for each in RANDOM.integers(0, 10**7, LINES).tolist()],
    ),
    "time": (Datatype.TIME, [f"{each // 60:02d}:{each % 60:02d}:00" for each in RANDOM.integers(0, 1440, LINES)]),
    "text": (Datatype.LANGUAGE, RANDOM.integers(10, 200, LINES).tolist()),
    "json": (Datatype.JSON, [None] * LINES),
    "ignored": (Datatype.IGNORE, [None] * LINES),
}
DATATYPES = {name: datatype for name, (datatype, _) in COLUMNS.items()}


def drawn(graph_type, *, hue=None, lines=None, line_count=None, **slots):
    """A figure of the first lines."""
    cells = {slot: Cells(name, DATATYPES[name], COLUMNS[name][1][:lines]) for slot, name in slots.items()}
    count = LINES if lines is None else lines
    return figures.figure(Drawn(graph_type, hue, cells, count if line_count is None else line_count))
