"""Where a training stood when its process ended, so that another one goes on from there."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from app.learning.engine import Epoch, TrainingRequest
from app.settings import settings

FILE = "resume.safetensors"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Standing:
    """A training after an epoch: what the learner knows, the best weights so far, and how it went there."""

    learner: Arrays
    best: Arrays
    history: list[Epoch]
    best_epoch: int
    random: Mapping[str, Any]
    ground: str


class Keeper:
    """Writes down where a training stands, now and then, and reads it if it is the same training."""

    def __init__(self, folder: Path, request: TrainingRequest) -> None:
        self._file = folder / FILE
        request_json = json.dumps(asdict(request), sort_keys=True).encode()
        self._request = hashlib.sha256(request_json).hexdigest()
        self._kept = monotonic()

    def ground(self) -> str | None:
        """Which ground was set aside for validation when the training began."""
        facts = self._facts()
        return None if facts is None else str(facts["ground"])

    def standing(self) -> Standing | None:
        """Where it stood; None if it is to begin."""
        facts = self._facts()
        if facts is None:
            return None
        with safe_open(self._file, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        return Standing(
            _below("learner", arrays),
            _below("best", arrays),
            [Epoch(**epoch) for epoch in facts["history"]],
            facts["best_epoch"],
            facts["random"],
            facts["ground"],
        )

    def is_due(self) -> bool:
        """Whether so much would be lost that writing is worth it."""
        return monotonic() - self._kept >= settings.training_checkpoint_s

    def keep(self, standing: Standing) -> None:
        """Writes it down, all or nothing."""
        facts = {
            "request": self._request,
            "history": [asdict(epoch) for epoch in standing.history],
            "best_epoch": standing.best_epoch,
            "random": standing.random,
            "ground": standing.ground,
        }
        arrays = {f"{part}.{name}": np.array(array, order="C") for part, name, array in _all(standing)}
        draft = self._file.with_suffix(".draft")
        save_file(arrays, draft, {"facts": json.dumps(facts)})
        draft.replace(self._file)
        self._kept = monotonic()

    def _facts(self) -> dict[str, Any] | None:
        try:
            with safe_open(self._file, framework="numpy") as file:
                facts: dict[str, Any] = json.loads((file.metadata() or {}).get("facts", "{}"))
        except (SafetensorError, OSError, ValueError):
            return None
        return facts if facts.get("request") == self._request else None


def _all(standing: Standing) -> list[tuple[str, str, NDArray[Any]]]:
    parts = {"learner": standing.learner, "best": standing.best}
    return [(part, name, array) for part, arrays in parts.items() for name, array in arrays.items()]


def _below(part: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}
