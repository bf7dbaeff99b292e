"""Charts as PNG, drawn from plain numbers: activity over the day, and a project at a glance.

They run in a child like parsers, because the drawing library is large and slow to start: only the child imports it.
"""
# ruff: noqa: PLC0415

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HOURS = 24
DPI = 110
GREEN, AMBER, RED, GREY, NIGHT = "#047857", "#d97706", "#dc2626", "#8a8f98", "#e5e7eb"
STATES = {
    "approved": GREEN,
    "classified by people": "#65a30d",
    "classified by AI": AMBER,
    "not classified": "#d1d5db",
}


def activity_chart(title: str, local: Sequence[int], solar: Sequence[int]) -> bytes:
    """Records by the hour of the day, in local and in solar time."""
    assert len(local) == len(solar) == HOURS, "one number for each hour"
    figure = new_figure(8, 4)
    axes = figure.add_subplot(xlabel="Hour of the day", ylabel="Independent records", xlim=(0, HOURS))
    for start, end in ((0, 6), (18, HOURS)):
        axes.axvspan(start, end, color=NIGHT, zorder=0)
    middles = [hour + 0.5 for hour in range(HOURS)]
    axes.bar(middles, local, width=0.92, color=GREEN, label="Local time", zorder=2)
    edges = [float(hour) for hour in range(HOURS + 1)]
    axes.stairs(solar, edges, color=AMBER, linewidth=1.8, label="Solar time", zorder=3)
    axes.set_xticks(range(0, HOURS + 1, 3))
    axes.yaxis.set_major_locator(_whole_numbers())
    axes.set_ylim(0, max(1, *local, *solar) * 1.08)
    axes.set_title(plain(title), loc="left", fontsize=11)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return png(figure)


def overview_chart(title: str, deployments: Sequence[Any], species: Sequence[Any], progress: Sequence[int]) -> bytes:
    """A project at a glance.

    A deployment is [name, start, end, [[failure start, failure end], …]] in seconds since 1970; a species is [name,
    records]; progress is a number of media for each of `STATES`.
    """
    tall = max(3.2, 0.22 * len(deployments), 0.26 * len(species))
    figure = new_figure(11, tall + 1.6)
    grid = figure.add_gridspec(2, 2, height_ratios=(tall, 0.7), width_ratios=(1.25, 1))
    _draw_deployments(figure.add_subplot(grid[0, 0]), deployments)
    _draw_species(figure.add_subplot(grid[0, 1]), species)
    _draw_progress(figure.add_subplot(grid[1, :]), progress)
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=12)
    return png(figure)


def _draw_deployments(axes: Any, deployments: Sequence[Any]) -> None:
    for row, (_, start, end, failures) in enumerate(deployments):
        axes.barh(row, _day(end) - _day(start), left=_day(start), height=0.6, color=GREEN)
        for broken_from, broken_until in failures:
            axes.barh(row, _day(broken_until) - _day(broken_from), left=_day(broken_from), height=0.6, color=RED)
    axes.set_yticks(range(len(deployments)), [plain(name) for name, *_ in deployments], fontsize=8)
    axes.invert_yaxis()
    axes.set_title("Deployments, and when they failed (red)", loc="left", fontsize=10)
    if deployments:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _draw_species(axes: Any, species: Sequence[Any]) -> None:
    axes.barh(range(len(species)), [count for _, count in species], height=0.7, color=AMBER)
    axes.set_yticks(range(len(species)), [plain(name) for name, _ in species], fontsize=8, fontstyle="italic")
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(_whole_numbers())
    axes.set_title("Independent records", loc="left", fontsize=10)


def _draw_progress(axes: Any, progress: Sequence[int]) -> None:
    before = 0
    for (state, colour), count in zip(STATES.items(), progress, strict=True):
        axes.barh(0, count, left=before, height=0.6, color=colour, label=f"{state}: {count:,}")
        before += count
    axes.set_xlim(0, max(1, before))
    axes.set_yticks([])
    axes.set_title("Media", loc="left", fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.5), ncols=len(STATES), frameon=False, fontsize=8)


def _whole_numbers() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True, min_n_ticks=1)


def new_figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: "Figure") -> bytes:
    file = BytesIO()
    # Without the library's version and the time: the same numbers give the same file.
    figure.savefig(file, dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def _day(seconds: float) -> float:
    from matplotlib.dates import date2num

    return float(date2num(datetime.fromtimestamp(seconds, UTC)))  # type: ignore[no-untyped-call]


def plain(text: str) -> str:
    """A name as it is: a dollar sign would begin a formula."""
    return text.replace("$", r"\$")
