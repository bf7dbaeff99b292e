"""Errors of classifying alone."""

from app.errors import Code, DomainError
from app.models.wildlife.classifications import Classification


class StaleClassification(DomainError):
    """Somebody changed the FINAL since the caller looked at it; `present` is what it says now."""

    code = Code.CONFLICT

    def __init__(self, present: Classification) -> None:
        super().__init__(
            f"This medium was changed since you looked at it: its version is {present.version} now. "
            "Look at it again, then repeat the request with that version."
        )
        self.present = present
