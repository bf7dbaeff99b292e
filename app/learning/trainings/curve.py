"""How a training went, as data and as a picture."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from app.learning.engine import Epoch


def write_curve(folder: Path, epochs: Sequence[Epoch], best_epoch: int) -> None:
    """Write `training_curve.json` and `training_curve.png`."""
    # A second to import, which predictions do without.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    document = {"best_epoch": best_epoch, "epochs": [asdict(epoch) for epoch in epochs]}
    (folder / "training_curve.json").write_text(json.dumps(document, indent=1))
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    numbers = [epoch.number for epoch in epochs]
    left = figure.add_subplot(xlabel="Epoch", ylabel="Loss")
    left.plot(numbers, [epoch.loss for epoch in epochs], color="#8a8f98", label="Training loss")
    left.plot(numbers, [epoch.validation_loss for epoch in epochs], color="#d97706", label="Validation loss")
    left.set_ylim(bottom=0)
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    right = left.twinx()
    right.set(ylabel="Validation IoU in percent", ylim=(0, 100))
    right.plot(numbers, [100 * epoch.validation_iou for epoch in epochs], color="#047857", label="Validation IoU")
    right.axvline(best_epoch, color="#047857", linestyle=":", label=f"Kept: epoch {best_epoch}")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(folder / "training_curve.png", dpi=120)
