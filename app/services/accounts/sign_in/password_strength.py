"""Whether a password is hard to guess, as zxcvbn estimates it: offline, by lists of what people choose."""

import re
from collections.abc import Iterable
from threading import Lock

from app.errors import Invalid
from app.settings import settings

# The time grows with the cube of the length: 50 ms at this one. What begins strongly is strong.
ESTIMATED_LENGTH_MAX = 48
SITE_WORDS = ("fieldgraph",)
WORDS = re.compile(r"\w{3,}")
# The package keeps the words of the person in a dictionary of its module.
_lock = Lock()


def check(password: str, *, names: Iterable[str | None], field: str) -> None:
    """Invalid for a password that is easy to guess, also from the names and the address of its owner."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 -- its lists take 12 MB, and only whoever sets a password needs them

    inputs = [word for name in names if name for word in (name, name.partition("@")[0], *WORDS.findall(name))]
    with _lock:
        estimate = zxcvbn(password[:ESTIMATED_LENGTH_MAX], [*SITE_WORDS, *inputs])
    if estimate["score"] >= settings.password_strength_min:
        return
    warning = estimate["feedback"]["warning"]
    raise Invalid(
        field,
        f"This password is too easy to guess.{f' {warning}' if warning else ''} Use four or more uncommon words, "
        "or have a password manager make one.",
    )
