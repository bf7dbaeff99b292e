"""What was measured, as tables: one for each question, and one that says what was reached."""

from dataclasses import dataclass, field

from rich import box
from rich.table import Table

from tests.bench.peers.load import Figures
from tests.bench.peers.queries import Question
from tests.bench.peers.servers import OURS, POSTGRAPHILE, STRAWBERRY

POSTGRAPHILE_GOAL = 3.0
STRAWBERRY_GOAL = 25.0
MEMORY_MB_MAX = 250


@dataclass
class Result:
    """What one question showed of each server."""

    question: Question
    figures: dict[str, Figures] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)

    @property
    def fastest_peer(self) -> str | None:
        """The best of the others."""
        return max(
            (name for name in self.figures if name != OURS), key=lambda name: self.figures[name].rate, default=None
        )

    def times(self, peer: str | None) -> float | None:
        """Our rate by a peer's; None if one of the two was not asked."""
        ours, other = self.figures.get(OURS), self.figures.get(peer or "")
        return ours.rate / other.rate if ours and other and other.rate else None


def figures(result: Result) -> Table:
    """One question: a row for each server, the fastest first."""
    columns = ("requests/s", "ours is", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL ms", "core", "memory MB")
    shown = table(f"{result.question.name}: {result.question.what}", *columns)
    for name, run in sorted(result.figures.items(), key=lambda item: -item[1].rate):
        times = result.times(name)
        shown.add_row(
            name,
            f"{run.rate:,.0f}" if run.rate >= 100 else f"{run.rate:.1f}",
            "" if name == OURS or times is None else f"{times:.2f} ×",
            *(f"{ms:.1f}" for ms in (run.p50_ms, run.p99_ms)),
            *(f"{ms:.2f}" for ms in (run.server_ms, run.database_ms)),
            f"{run.share:.0%}",
            f"{result.memory_mb[name]:.0f}",
        )
    return shown


def goals(results: list[Result]) -> Table:
    """Ours by the others, and whether that is what we want."""
    columns = ("the fastest's", "its CPU by ours", POSTGRAPHILE, STRAWBERRY, "p99 by its", "memory MB")
    shown = table("Our requests/s by theirs, and what we want", *columns)
    for result in results:
        peer, ours = result.fastest_peer, result.figures.get(OURS)
        if peer is None or ours is None:
            continue
        question, fastest = result.question, result.figures[peer]
        shown.add_row(
            f"{question.name} (fastest: {peer})",
            _at_least(result.times(peer), question.goal),
            f"{fastest.server_ms / ours.server_ms:.2f} ×" if ours.server_ms else "–",
            _at_least(result.times(POSTGRAPHILE), POSTGRAPHILE_GOAL),
            _at_least(result.times(STRAWBERRY), STRAWBERRY_GOAL if question.nested else 0),
            _at_most(ours.p99_ms / fastest.p99_ms if fastest.p99_ms else None, 1, "{:.2f} ×"),
            _at_most(result.memory_mb[OURS], MEMORY_MB_MAX, "{:.0f}"),
        )
    return shown


def _at_least(times: float | None, goal: float) -> str:
    if times is None:
        return "–"
    if not goal:
        return f"{times:.2f} ×"
    return _coloured(f"{times:.2f} × (≥ {goal:g})", well=times >= goal)


def _at_most(value: float | None, limit: float, form: str) -> str:
    return "–" if value is None else _coloured(f"{form.format(value)} (≤ {limit:g})", well=value <= limit)


def _coloured(text: str, *, well: bool) -> str:
    return f"[green]{text}[/] " if well else f"[red]{text}[/]✗"


def table(title: str, *columns: str) -> Table:
    """A table of names and figures."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    made.add_column(no_wrap=True)
    for column in columns:
        made.add_column(column, justify="right")
    return made
