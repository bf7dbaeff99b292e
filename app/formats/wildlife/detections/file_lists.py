"""Lists of files with what AI found in each, as MegaDetector and SpeciesNet write them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeGuard

from app.errors import Unreadable
from app.formats.wildlife import json_files
from app.formats.wildlife.keys import Keys
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Record, Summary

PATH_LENGTH_MAX = 1_000
DETECTIONS_MAX = 100_000


class FileListReader(ABC):
    """Reads a list entry by entry, so that memory stays flat. A format says where the list is and reads an entry."""

    PLACE: ClassVar[str]
    PATH_FIELD: ClassVar[str]
    EMPTY: ClassVar[str]

    def __init__(self, path: Path, problems: Problems, summary: Summary, name: str) -> None:
        self._path = path
        self._problems = problems
        self._summary = summary
        self._name = name

    def records(self) -> Iterator[Record]:
        """One record for each file that can be read; Unreadable if there are none at all."""
        seen = Keys()
        number = 0
        for number, entry in enumerate(json_files.items(self._path, self.PLACE), 1):
            record = self._record(number, entry)
            if record is not None:
                seen.add(record["file"], number)
                yield Record("file", self._name, number, record)
        if number == 0:
            raise Unreadable(self.EMPTY)
        for again in seen.repeated():
            self._problems.add(self._name, again, self.PATH_FIELD, "This file is listed twice. Only the first counts.")
        self._summary.counts["files"] = number

    @abstractmethod
    def _record(self, number: int, entry: Any) -> dict[str, Any] | None:
        """What an entry says; None if it has a problem, which is noted."""

    @staticmethod
    def _is_path(value: Any) -> TypeGuard[str]:
        return isinstance(value, str) and 0 < len(value) <= PATH_LENGTH_MAX and "\0" not in value
