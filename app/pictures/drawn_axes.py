"""The axes of a figure as the drawing library takes them: numbers, dates and groups become numbers along a line."""

from collections.abc import Mapping, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.pictures.charts import plain as without_formulas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DAY_MS = 86_400_000
TICK_LENGTH_MAX = 24


class Axis:
    """An axis of a figure: its place, its type, and the axes of the picture that it was drawn on first."""

    def __init__(self, described: Mapping[str, Any], values: Sequence[Any], matched: "Axis | None") -> None:
        self.domain: Sequence[float] = described.get("domain", [0, 1])
        self.type: str = described.get("type", "linear")
        self.title: str = described.get("title", {}).get("text", "")
        self.names: list[str] = described.get("categoryarray") or list(dict.fromkeys(map(str, values)))
        self.is_reversed = described.get("autorange") == "reversed"
        self.is_clock = described.get("tickformat") == "%H:%M"
        self._first: Any = None
        self._matched = matched

    @property
    def first(self) -> Any:
        """What later panels with this axis share their scale with."""
        return self._first or (self._matched and self._matched.first)

    def numbers(self, values: Sequence[Any]) -> NDArray[Any]:
        """Where values lie."""
        if self.type == "category":
            place = {name: at for at, name in enumerate(self.names)}
            return np.array([place[each] for each in values], float)
        if self.type == "date":
            days = np.array([each or "NaT" for each in values], "datetime64[ms]")
            return np.where(np.isnat(days), np.nan, days.astype(np.int64) / DAY_MS)
        return np.array([np.nan if each is None else each for each in values], float)

    def lengths(self, lengths: Sequence[float]) -> NDArray[Any]:
        """Distances along it."""
        return np.array(lengths, float) / (DAY_MS if self.type == "date" else 1)

    def dress(self, axes: "Axes", letter: Literal["x", "y"], title: str) -> None:
        """Labels, ticks and scale; a second panel on the same axis shows no labels."""
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if self._first is not None:
            axes.tick_params(axis=letter, labelbottom=False, labelleft=False)
            return
        (axes.set_xlabel if letter == "x" else axes.set_ylabel)(title, fontsize=9)
        is_alone = self.first is None
        self._first = axes
        if not is_alone:
            return
        axis = axes.xaxis if letter == "x" else axes.yaxis
        if self.type == "log":
            (axes.set_xscale if letter == "x" else axes.set_yscale)("log")
        elif self.type == "date":
            self._as_dates(axis)
        elif self.type == "category":
            shown = [without_formulas(_cut(name)) for name in self.names]
            turned = 40 if letter == "x" and sum(map(len, shown)) > 60 else 0
            looks: dict[str, Any] = {"rotation": turned, "ha": "right"} if turned else {}
            axis.set_ticks(range(len(shown)), shown, **looks)
            ends = (-0.6, max(len(shown), 1) - 0.4)
            (axes.set_xlim if letter == "x" else axes.set_ylim)(*(ends[::-1] if self.is_reversed else ends))

    def _as_dates(self, axis: Any) -> None:
        from matplotlib import dates  # noqa: PLC0415 -- only the child imports it

        locator = dates.AutoDateLocator(maxticks=7)  # type: ignore[no-untyped-call]
        axis.set_major_locator(locator)
        shown: Any = dates.DateFormatter("%H:%M") if self.is_clock else dates.ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axis.set_major_formatter(shown)


def _cut(name: str) -> str:
    whole = unescape(name)
    return whole if len(whole) <= TICK_LENGTH_MAX else f"{whole[:TICK_LENGTH_MAX]}…"
