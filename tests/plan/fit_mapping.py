"""Rows of mapping that fit: files whose features were left out for reasons there are."""

from random import Random
from typing import Any

from app.formats.labels.skipping import SkipReason


def fit_label_imports(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        reason, count = random.choice(list(SkipReason)).value, random.randint(1, 9)
        skipped = {"reason": reason, "count": count, "examples": ["way/5", "features.7"][: random.randint(0, 2)]}
        row |= {"storage_key": f"uploads/{row['id']}", "skipped": random.choice([None, [], [skipped]])}
