"""What other programs are told of our environment: these names, and no address, password or key of ours."""

import os
from collections.abc import Iterable

NAMES = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR")
PREFIXES = ("LC_",)


def told(*names: str, prefixes: Iterable[str] = ()) -> dict[str, str]:
    """What every program may know, and what is named."""
    known, begins = {*NAMES, *names}, (*PREFIXES, *prefixes)
    return {name: value for name, value in os.environ.items() if name in known or name.startswith(begins)}
