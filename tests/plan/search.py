"""How many random cases are tried, and from which seed: `SEED=… OPERATIONS=… make test ARGS=tests/plan` says both.

Without them `make test` always tries the same cases, so that it fails for what was changed and nothing else.
`make fuzz` looks for new ones.
"""

import os
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import Phase, seed, settings

from tests.fuzz import FACTOR

SEED = int(os.environ.get("SEED") or (1 if FACTOR == 1 else secrets.randbelow(2**32)))
OPERATIONS = int(os.environ.get("OPERATIONS") or 500 * FACTOR)
tried: Counter[str] = Counter()


def many(examples: int) -> Callable[[Any], Any]:
    """A search of so many examples. What fails is shrunk and printed with what brings it back."""

    def decorate(test: Any) -> Any:
        phases = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
        return seed(SEED)(
            settings(max_examples=examples, deadline=None, phases=phases, print_blob=True, database=None)(test)
        )

    return decorate
