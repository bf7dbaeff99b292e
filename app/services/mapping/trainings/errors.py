"""Errors of trainings alone."""

from app.errors import DomainError
from app.models.kinds.mapping import MappingErrorCode


class AccuracyTooLow(DomainError):
    """A training too weak to publish; both figures in percent."""

    code = MappingErrorCode.ACCURACY_TOO_LOW

    def __init__(self, *, accuracy: float | None, required: float) -> None:
        reached = "no accuracy" if accuracy is None else f"{accuracy:.1f} %"
        super().__init__(f"This training reached {reached}; publishing needs {required:g} %.")
        self.accuracy = accuracy
        self.required = required
