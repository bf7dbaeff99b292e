"""How many random cases are tried, and from which seed: `SEED=… OPERATIONS=… make test ARGS=tests/plan` says both."""

import os
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import Phase, seed, settings

SEED = int(os.environ.get("SEED") or secrets.randbelow(2**32))
OPERATIONS = int(os.environ.get("OPERATIONS") or 1_000)
tried: Counter[str] = Counter()


def many(examples: int) -> Callable[[Any], Any]:
    """A search of so many examples. What fails is shrunk and printed with what brings it back."""

    def decorate(test: Any) -> Any:
        phases = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
        return seed(SEED)(settings(max_examples=examples, deadline=None, phases=phases, print_blob=True)(test))

    return decorate
