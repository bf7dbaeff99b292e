"""What validators of Camtrap DP do not look at: order of times, boxes, media outside deployments, and the like.

The same checks are made of what is read, and of what is about to be published.
"""

from array import array
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from app.errors import quoted
from app.formats.wildlife.camtrap_dp.fields import BOX
from app.formats.wildlife.keys import Keys
from app.formats.wildlife.problems import Problems, Severity

DAY_S = 86_400
# Boxes that reach so little over the edge are cut; one beyond is wrong.
EDGE = 1e-3
OVER = 1e-6


class Checks:
    """Takes the rows of a package one after the other, deployments first."""

    def __init__(self, problems: Problems, taxa: Collection[str], *, strict: bool = False) -> None:
        self._problems = problems
        self._taxa = taxa
        self._untold: set[str] = set()
        self._spans: dict[str, tuple[datetime, datetime]] = {}
        self._seconds = Keys()
        self._effort = array("d")
        # Before publishing, what would be taken with a warning is an error: it is ours to put right.
        self._mild = Severity.ERROR if strict else Severity.WARNING

    def deployment(self, place: str, line: int, row: Mapping[str, Any]) -> None:
        """A deployment must not end before it starts."""
        start, end = row["deploymentStart"], row["deploymentEnd"]
        if end < start:
            self._problems.add(place, line, "deploymentEnd", "This deployment ends before it starts.")
            return
        self._effort.append((end - start).total_seconds())
        self._spans[row["deploymentID"]] = (start, end)

    def medium(self, place: str, line: int, row: Mapping[str, Any]) -> None:
        """A medium should lie in its deployment's time."""
        at = row["timestamp"]
        self._seconds.add(f"{row['deploymentID']}\0{at.timestamp()}", line)
        self._inside(place, line, "timestamp", row["deploymentID"], at, at)

    def observation(self, place: str, line: int, row: Mapping[str, Any]) -> None:
        """Times in order, a medium where one is meant, a box inside the picture, no species of a blank."""
        start, end = row["eventStart"], row["eventEnd"]
        if end < start:
            self._problems.add(place, line, "eventEnd", "This event ends before it starts.")
        else:
            self._inside(place, line, "eventStart", row["deploymentID"], start, end)
        if row["observationLevel"] == "media" and row.get("mediaID") is None:
            message = "An observation of the level media must name its medium."
            self._problems.add(place, line, "mediaID", message)
        self._box(place, line, row)
        self._taxon(place, line, row)
        if row["observationType"] == "blank" and (row.get("scientificName") or row.get("count")):
            message = "A blank observation has neither a species nor a count."
            self._problems.add(place, line, "observationType", message, self._mild)

    def _inside(self, place: str, line: int, field: str, key: str, start: datetime, end: datetime) -> None:
        span = self._spans.get(key)
        if span and (start < span[0] or end > span[1]):
            message = f"This lies outside the time of the deployment {quoted(key)}."
            self._problems.warn(place, line, field, message)

    def _box(self, place: str, line: int, row: Mapping[str, Any]) -> None:
        box = [row.get(name) for name in BOX]
        if all(side is None for side in box):
            return
        if any(side is None for side in box):
            self._problems.add(place, line, "bboxX", "A box needs all of bboxX, bboxY, bboxWidth and bboxHeight.")
            return
        x, y, width, height = (float(side) for side in box if side is not None)
        beyond = max(x + width, y + height) - 1
        if beyond > EDGE:
            self._problems.add(place, line, "bboxWidth", "This box reaches beyond the edge of the picture.")
        elif beyond > OVER:
            message = "This box reaches slightly beyond the edge of the picture; it is cut."
            self._problems.add(place, line, "bboxWidth", message, self._mild)

    def _taxon(self, place: str, line: int, row: Mapping[str, Any]) -> None:
        name = row.get("scientificName")
        if name and name not in self._taxa and name not in self._untold:
            self._untold.add(name)
            message = f"{quoted(name)} is not among the taxa of the descriptor."
            self._problems.add(place, line, "scientificName", message, self._mild)

    @property
    def bursts(self) -> int:
        """How many seconds of a deployment hold more than one file."""
        return self._seconds.shared

    @property
    def effort_days(self) -> float:
        """The days between start and end of all deployments, summed."""
        return sum(self._effort) / DAY_S
