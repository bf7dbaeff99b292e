"""What is wrong in a file: where, how bad, and what to do. All are counted; a bounded number is kept."""

from collections import Counter
from enum import Enum
from typing import NamedTuple

from app.settings import settings

MESSAGE_LENGTH_MAX = 400
PLACE_LENGTH_MAX = 200


class Severity(Enum):
    """How bad a problem in an imported file is.

    ERROR: The row or the file was not imported.
    WARNING: It was imported, but check it.
    INFO: For information.
    """

    ERROR = "ERROR"
    WARNING = "WARNING"
    INFO = "INFO"


class Problem(NamedTuple):
    """One problem; `line` counts from 1 as editors do, and is null where the whole file is meant."""

    file: str
    line: int | None
    field: str | None
    message: str
    severity: str


class Problems:
    """Collects problems. Errors take the place of notes when there is no room for all."""

    def __init__(self) -> None:
        self._kept: dict[Severity, list[Problem]] = {severity: [] for severity in Severity}
        self.counts: Counter[str] = Counter()

    def add(
        self,
        file: str,
        line: int | None,
        field: str | None,
        message: str,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Takes one more."""
        self.counts[severity.value] += 1
        kept = self._kept[severity]
        if len(kept) < settings.import_problems_max:
            place = None if field is None else field[:PLACE_LENGTH_MAX]
            kept.append(Problem(file[:PLACE_LENGTH_MAX], line, place, message[:MESSAGE_LENGTH_MAX], severity.value))

    def warn(self, file: str, line: int | None, field: str | None, message: str) -> None:
        """Takes one that costs nothing but should be known."""
        self.add(file, line, field, message, Severity.WARNING)

    def note(self, file: str, line: int | None, field: str | None, message: str) -> None:
        """Takes one that is only reported."""
        self.add(file, line, field, message, Severity.INFO)

    @property
    def errors(self) -> int:
        """How many of them are errors."""
        return self.counts[Severity.ERROR.value]

    @property
    def listed(self) -> list[Problem]:
        """Those that are kept, the worst first."""
        kept = [problem for severity in Severity for problem in self._kept[severity]]
        return kept[: settings.import_problems_max]
