"""What must not be so where others rely on this installation, found before anything is served."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.security import signing
from app.settings import settings

NEW_SECRET = "openssl rand -base64 48"  # noqa: S105 - how to make one


@dataclass(frozen=True)
class Fault:
    """A setting that is refused in production, and what to do about it."""

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"In production, {self.message}. {self.remedy}"


def faults() -> Iterator[Fault]:
    """All of them; none outside of production."""
    if not settings.production:
        return
    if settings.demo:
        yield Fault("FIELDGRAPH_DEMO must not be set: its passwords are known to all", "Take it away.")
    if not signing.keys():
        yield Fault("FIELDGRAPH_SECRET must be set: the same long random text on every machine", _make())
    for place, key in enumerate(signing.keys()):
        if not key.is_long_enough:
            name = "a secret of FIELDGRAPH_SECRET_PREVIOUS" if place else "FIELDGRAPH_SECRET"
            remedy = "Take it away; what it signed is void." if place else _make()
            yield Fault(f"{name} must be {signing.SECRET_BYTES_MIN} bytes or longer", remedy)


def _make() -> str:
    return f"Make one: {NEW_SECRET}"
