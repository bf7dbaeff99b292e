"""What the readers of all formats hand on: records of plain values, and a summary of what a file holds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

from app.errors import Unreadable
from app.formats.wildlife.keys import Keys
from app.identifiers import cleaned

SPECIES_MAX = 100_000
# What names a place or a camera in a record: it is handed on in the form in which such names are kept.
NAMES = ("deploymentID", "deployment_id", "locationID", "locationName", "cameraID")
TAGS = ("deploymentGroups", "deploymentTags")


class Record(NamedTuple):
    """One deployment, medium, observation or file, with the place it was read from."""

    kind: str
    file: str
    line: int | None
    values: Mapping[str, Any]


class Summary:
    """What a file holds, counted while it is read."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.metadata: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.tallies: dict[str, Counter[str]] = {}
        self.effort_days: float | None = None
        self._events = Keys()

    def count(self, kind: str, row: Mapping[str, Any]) -> None:
        """Counts what a good row says."""
        if kind == "observation":
            self.tally("types", row.get("observationType"))
            self.tally("levels", row.get("observationLevel"))
            self.tally("methods", row.get("classificationMethod"))
            self.tally("species", row.get("scientificName"))
            self.counts["individuals"] += row.get("count") or 0
            self.counts["boxes"] += row.get("bboxX") is not None
            if row.get("eventID"):
                self._events.add(row["eventID"], 0)
        if kind == "deployment":
            self.tally("locations", row.get("locationID"))

    def tally(self, name: str, value: str | None) -> None:
        """Counts one more of a value, if there is one."""
        tally = self.tallies.setdefault(name, Counter())
        if value is not None and (value in tally or len(tally) < SPECIES_MAX):
            tally[value] += 1

    def plain(self) -> dict[str, Any]:
        """The summary as plain values."""
        return {
            "version": self.version,
            "counts": {**self.counts, "events": self._events.distinct},
            "rows": dict(self.rows),
            "tallies": {name: dict(tally) for name, tally in self.tallies.items()},
            "effort_days": self.effort_days,
        }


def write(path: Path, records: Iterable[Record]) -> int:
    """Writes records to a file, one after the other; how many."""
    count = 0
    with path.open("wb") as file:
        packer = msgpack.Packer(autoreset=True)
        for record in records:
            try:
                file.write(packer.pack(list(record._replace(values=_named(record.values)))))
            except (UnicodeEncodeError, OverflowError):
                raise Unreadable("A text in this file is not Unicode, or a number in it is too large.") from None
            count += 1
    return count


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    named = [name for name in NAMES + TAGS if isinstance(values.get(name), str)]
    return {**values, **{name: cleaned(values[name]) or None for name in named}}


def kept(path: Path) -> Iterator[Record]:
    """The records of a file."""
    with path.open("rb") as file:
        for kind, name, line, fields in msgpack.Unpacker(file):
            yield Record(kind, name, line, fields)
