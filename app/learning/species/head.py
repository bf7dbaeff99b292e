"""The head of a classifier: one linear layer over features, fitted to the end and then calibrated."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy.optimize import minimize, minimize_scalar

from app.learning.engine import Failure

ARCHITECTURE = "species-head-1"
PENALTIES = (1e-3, 1e-2, 1e-1)
STEPS_MAX = 300
TEMPERATURES = (0.05, 20.0)

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """Weights over levelled features; logits are divided by the temperature."""

    mean: Floats
    deviation: Floats
    weight: Floats
    bias: Floats
    classes: tuple[dict[str, Any], ...] = ()
    temperature: float = 1.0

    def logits(self, features: Floats) -> Floats:
        """What it thinks of each class, as (crops, classes)."""
        levelled = (features - self.mean) / self.deviation
        scaled = (levelled @ self.weight + self.bias) / self.temperature
        return np.asarray(scaled, np.float32)

    def odds(self, features: Floats) -> Floats:
        """The probability of each class."""
        return odds_of(self.logits(features))

    def save(self, path: Path, *, encoder: str) -> None:
        """Write it beside the encoder that its features come from."""
        tensors = {name: getattr(self, name) for name in ("mean", "deviation", "weight", "bias")}
        tensors = {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()}
        facts = {
            "architecture": ARCHITECTURE,
            "encoder": encoder,
            "classes": json.dumps(self.classes),
            "temperature": repr(self.temperature),
        }
        save_file(tensors, path, facts)

    @classmethod
    def read(cls, path: Path, *, encoder: str) -> Self:
        """Read what `save` wrote; anything else is a `Failure`."""
        try:
            with safe_open(path, framework="numpy") as file:
                facts = file.metadata() or {}
                if facts.get("architecture") != ARCHITECTURE or facts.get("encoder") != encoder:
                    raise Failure("This classifier belongs to another encoder. Train it again.")
                tensors = {name: file.get_tensor(name) for name in ("mean", "deviation", "weight", "bias")}
                classes, temperature = tuple(json.loads(facts["classes"])), float(facts["temperature"])
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise Failure("The classifier cannot be read. Train it again.") from error
        return cls(**tensors, classes=classes, temperature=temperature)


def odds_of(logits: Floats) -> Floats:
    """Logits as probabilities."""
    grown = np.exp(logits - logits.max(1, keepdims=True))
    odds: Floats = grown / grown.sum(1, keepdims=True)
    return odds


def fit(features: Floats, labels: Numbers, *, classes: int, penalty: float) -> Head:
    """Fit the layer; every class counts the same, however many crops it has."""
    mean, deviation = features.mean(0), features.std(0) + np.float32(1e-3)
    levelled = ((features - mean) / deviation).astype(np.float64)
    counts = np.bincount(labels, minlength=classes).clip(1)
    shares = (1 / counts)[labels]
    shares /= shares.sum()
    truth = np.eye(classes)[labels]
    width = features.shape[1]

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, bias = flat[: width * classes].reshape(width, classes), flat[width * classes :]
        logits = levelled @ weight + bias
        logits -= logits.max(1, keepdims=True)
        whole = np.log(np.exp(logits).sum(1, keepdims=True))
        loss = -(shares * ((logits - whole) * truth).sum(1)).sum() + penalty / 2 * (weight**2).sum()
        slope = shares[:, None] * (np.exp(logits - whole) - truth)
        return float(loss), np.concatenate([(levelled.T @ slope + penalty * weight).ravel(), slope.sum(0)])

    start = np.zeros(width * classes + classes)
    parameters = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS_MAX}).x
    weight = parameters[: width * classes].reshape(width, classes).astype(np.float32)
    return Head(mean, deviation, weight, parameters[width * classes :].astype(np.float32))


def loss_of(logits: Floats, labels: Numbers, temperature: float = 1.0) -> float:
    """Cross-entropy at a temperature."""
    odds = odds_of(logits / np.float32(temperature))
    return float(-np.log(odds[np.arange(len(labels)), labels].clip(1e-9)).mean())


def temperature_of(logits: Floats, labels: Numbers) -> float:
    """By what the logits are to be divided, so that they are as sure as they are right."""
    low, high = np.log(TEMPERATURES)
    optimum = minimize_scalar(
        lambda power: loss_of(logits, labels, float(np.exp(power))), bounds=(low, high), method="bounded"
    )
    return float(np.exp(optimum.x))


def fitted(features: Floats, labels: Numbers, folds: Numbers, classes: Sequence[dict[str, Any]]) -> Head:
    """The head with the penalty that is best on what it did not see, and with the temperature that this takes."""
    tried = {penalty: _across(features, labels, folds, len(classes), penalty) for penalty in PENALTIES}
    judged = {penalty: loss_of(*unseen) for penalty, unseen in tried.items() if len(unseen[1])}
    best = min(judged, key=judged.__getitem__) if judged else PENALTIES[1]
    temperature = temperature_of(*tried[best]) if judged else 1.0
    whole = fit(features, labels, classes=len(classes), penalty=best)
    return Head(whole.mean, whole.deviation, whole.weight, whole.bias, tuple(classes), temperature)


def _across(features: Floats, labels: Numbers, folds: Numbers, classes: int, penalty: float) -> tuple[Floats, Numbers]:
    """Logits of each fold by a head that saw only the others; without crops of classes that those do not have."""
    logits, truth = [np.zeros((0, classes), np.float32)], [np.zeros(0, np.int64)]
    for fold in np.unique(folds):
        seen, unseen = folds != fold, folds == fold
        if len(known := np.unique(labels[seen])) < 2:
            continue
        unseen &= np.isin(labels, known)
        head = fit(features[seen], labels[seen], classes=classes, penalty=penalty)
        logits.append(head.logits(features[unseen]))
        truth.append(labels[unseen])
    return np.concatenate(logits), np.concatenate(truth)
