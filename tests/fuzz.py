"""How long property tests look: a bounded while in `make test`, much longer in `make fuzz`."""

import os

FACTOR = int(os.environ.get("FUZZ", "1"))


def examples(count: int) -> dict[str, object]:
    """Settings of Hypothesis for so many examples; always the same ones unless it is to look for long."""
    return {"max_examples": count * FACTOR, "deadline": None, "derandomize": FACTOR == 1, "database": None}
