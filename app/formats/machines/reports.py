"""What is known of a machine as one HTML file: columns, leaderboard, curves, figures and graphs."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd;
text-align: left } td.number { text-align: right; font-variant-numeric: tabular-nums } svg { margin: 1rem 1rem 1rem 0 }
meter { width: 12rem } figure { margin: 1rem 0 } img { max-width: 100% }
"""
SIZE, EDGE = 220, 30
FIGURES = {
    "rows": "Evaluation rows",
    "logLoss": "Log loss",
    "auc": "AUC",
    "accuracy": "Accuracy",
    "f1": "F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "coverage": "Share of rows whose truth lies in the interval",
}
CLASSES_MAX = 50

Facts = Mapping[str, Any]


def report(
    name: str,
    version: int,
    columns: Sequence[Facts],
    figures: Facts | None,
    pictures: Sequence[tuple[str, bytes]] = (),
) -> str:
    """The page; pictures are PNGs with their titles."""
    parts = [f"<h1>{escape(name)}</h1><p>Version {version}</p>", _columns(columns)]
    for output in (figures or {}).get("outputs", ()):
        parts += _output(output)
    for each in (figures or {}).get("warnings", ()):
        parts.append(f"<p>{_text(each)}</p>")
    parts += _pictures(pictures)
    head = f'<meta charset="utf-8"><title>{escape(name)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _pictures(pictures: Sequence[tuple[str, bytes]]) -> Iterable[str]:
    """Graphs of the lines."""
    if pictures:
        yield "<h2>Graphs</h2>"
    for title, png in pictures:
        yield f'<figure><img alt="{escape(title)}" src="data:image/png;base64,{b64encode(png).decode()}"></figure>'


def _columns(columns: Sequence[Facts]) -> str:
    """The profile: a line for each column."""
    names = ("missing_percentage", "distinct", "mean", "std", "min", "median", "max")
    rows = [
        [each["name"], each["datatype"], each["role"], *(each.get("profile", {}).get(name) for name in names)]
        for each in columns
    ]
    heads = ("Column", "Datatype", "Role", "Missing %", "Different", "Mean", "Deviation", "Min", "Median", "Max")
    return f"<h2>Columns</h2>{_table(heads, rows)}"


def _output(output: Facts) -> Iterable[str]:
    """All that is known of the answers for one output."""
    known: Facts = output.get("figures") or {}
    yield f"<h2>{_text(output.get('name'))}</h2>"
    yield _table(("Figure", "Value"), [[label, known[name]] for name, label in FIGURES.items() if name in known])
    board = output.get("leaderboard") or ()
    lines = [[each.get(name) for name in ("name", "score", "weight", "fitS", "predictS", "bytes")] for each in board]
    metric = str(output.get("metric", "score"))
    yield f"<h3>Leaderboard</h3>{_table(('Candidate', metric, 'Weight', 'Fit s', 'Predict s', 'Bytes'), lines)}"
    yield f"<h3>Importance</h3><table>{''.join(map(_share, output.get('importance') or ()))}</table>"
    yield from _of_classes(known)


def _of_classes(known: Facts) -> Iterable[str]:
    classes = [str(each) for each in known.get("classes") or ()]
    if classes and len(classes) <= CLASSES_MAX:
        rows = [[name, *counts] for name, counts in zip(classes, known.get("confusion") or (), strict=False)]
        yield f"<h3>Confusion: true classes down, answers across</h3>{_table(('', *classes), rows)}"
    if curves := known.get("curves"):
        recall = curves["truePositiveRate"]
        yield _curve("ROC", "false positive rate", curves["falsePositiveRate"], "true positive rate", recall)
        yield _curve("Precision and recall", "recall", recall, "precision", curves["precision"])
    if bins := (known.get("calibration") or {}).get("bins"):
        sure, right = ([each[name] for each in bins] for name in ("confidence", "accuracy"))
        yield _curve("Calibration", "how sure", sure, "how often right", right)


def _curve(title: str, across: str, x: Sequence[float], up: str, y: Sequence[float]) -> str:
    place = " ".join(f"{EDGE + a * SIZE:.1f},{EDGE + (1 - b) * SIZE:.1f}" for a, b in zip(x, y, strict=True))
    whole = SIZE + 2 * EDGE
    return (
        f'<svg width="{whole}" height="{whole}" role="img" aria-label="{escape(title)}">'
        f'<rect x="{EDGE}" y="{EDGE}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#bbb"/>'
        f'<polyline points="{place}" fill="none" stroke="#06c" stroke-width="2"/>'
        f'<text x="{EDGE}" y="20">{escape(title)}</text>'
        f'<text x="{EDGE}" y="{whole - 8}" font-size="12">{escape(across)}</text>'
        f'<text transform="translate(20 {EDGE + SIZE}) rotate(-90)" font-size="12">{escape(up)}</text></svg>'
    )


def _share(each: Facts) -> str:
    share = float(each.get("share") or 0)
    spread = "" if each.get("spread") is None else f"± {_text(each['spread'])}"
    name, value = _text(each.get("name")), f'<meter value="{share:.4f}" max="1"></meter>'
    return f"<tr><td>{name}</td><td>{value}</td><td>{share:.1%}</td><td>{spread}</td></tr>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    kind = ' class="number"' if isinstance(value, int | float) else ""
    return f"<td{kind}>{_text(value)}</td>"


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return escape(f"{value:.5g}" if isinstance(value, float) else str(value))
