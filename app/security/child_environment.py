"""The environment of child processes: only these variables, and no address, password or key of ours."""

import os
from collections.abc import Iterable

NAMES = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR")
PREFIXES = ("LC_",)


def variables(*names: str, prefixes: Iterable[str] = ()) -> dict[str, str]:
    """The variables that every program may know, and those that are named."""
    allowed, allowed_prefixes = {*NAMES, *names}, (*PREFIXES, *prefixes)
    return {name: value for name, value in os.environ.items() if name in allowed or name.startswith(allowed_prefixes)}
