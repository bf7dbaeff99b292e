"""The base models YOLO_V8_V1 and YOLO_V8_V2: networks of ultralytics that outline buildings one by one.

Networks and losses are theirs; what is learned from, how it is judged and what is left behind is the same as for RAMP,
so that figures can be compared. Weights are random at first: nothing is downloaded.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from scipy import ndimage

# Before it is imported: it must neither look for updates nor tell anybody that it is used.
os.environ["YOLO_OFFLINE"] = "true"

import torch
from torch.nn.functional import interpolate
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import SegmentationModel
from ultralytics.utils import DEFAULT_CFG
from ultralytics.utils.nms import non_max_suppression

from app.learning.engine import Failure, PredictionRequest, Report, TrainingRequest
from app.learning.imagery.augmentation import Views
from app.learning.imagery.chips import BUILDING, IGNORE
from app.learning.imagery.mosaic import GREY, Pixels
from app.learning.outcome import TRAINED, scaled, search
from app.learning.predictions.windows import Look
from app.learning.trainings.curve import write_curve
from app.learning.trainings.epochs import learn
from app.learning.trainings.metrics import Confusion
from app.learning.trainings.resuming import Arrays
from app.learning.trainings.training_data import prepared

# By base model: the definition of the network, and how much a building counts for more than what is none.
NETWORKS = {"YOLO_V8_V1": ("yolov8n-seg.yaml", 1.0), "YOLO_V8_V2": ("yolov8s-seg.yaml", 2.0)}
LEARNING_RATE = 2e-3
AVERAGE_DECAY = 0.98
PATIENCE_EPOCHS = 30
# The backbone, as ultralytics numbers its layers.
FROZEN_LAYERS = 10
# Slivers at the edge of a view teach nothing.
INSTANCE_PIXELS_MIN = 16
SURE_MIN = 0.05
INSTANCES_MAX = 300
CHIPS_JUDGED_AT_ONCE = 8


def train(folder: Path, request: TrainingRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Learn from `tiles/`, `aois.geojson` and `labels.geojson`; leave `checkpoint.safetensors` and the curve."""
    lesson = prepared(folder, request, report, cancelled)
    chips, validation = lesson.chips, lesson.validation
    views = Views(chips.tiles, chips.images, lesson.sides.training, np.random.default_rng(request.seed))
    torch.manual_seed(request.seed)
    network = _network(request.base_model)
    if lesson.initial:
        _load(network, lesson.initial, request.base_model)
        network.model[: FROZEN_LAYERS if request.freeze_layers else 0].requires_grad_(requires_grad=False)
    learned = learn(
        _YoloLearner(network, validation, found_twice=NETWORKS[request.base_model][1]),
        views,
        epochs=request.epochs,
        batch_size=request.batch_size,
        patience=PATIENCE_EPOCHS,
        report=scaled(report),
        cancelled=cancelled,
        keeper=lesson.keeper,
        ground=lesson.sides.parting.written(),
    )
    report("evaluating", TRAINED, "Measuring quality")
    network.load_state_dict(learned.weights)
    predicted = _odds(network, validation[0]) >= 0.5
    facts = {
        "architecture": request.base_model,
        "zoom_levels": json.dumps(sorted(set(request.zoom_level))),
        "ground": lesson.sides.parting.written(),
    }
    save_file(learned.weights, folder / "checkpoint.safetensors", facts)
    write_curve(folder, learned.epochs, learned.best_epoch)
    return lesson.result(predicted, learned)


def predict(folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Find the buildings on `tiles/` inside `area.geojson`; leave `predictions.geojson`."""
    report("preparing", 0.0, "Reading weights and tiles")
    network = _network(request.base_model)
    _load(network, folder / "checkpoint.safetensors", request.base_model)
    return search(Look(lambda windows: _odds(network, windows)), folder, request, report, cancelled)


class _YoloLearner:
    """A network of ultralytics as it learns. The average over the last steps is judged and kept."""

    def __init__(self, network: SegmentationModel, validation: tuple[Pixels, Pixels], *, found_twice: float) -> None:
        self._network = network
        self._average = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True
        )
        moving = [weight for weight in network.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.AdamW(moving, lr=LEARNING_RATE, weight_decay=1e-2)
        network.criterion = network.init_criterion()
        network.criterion.bce.pos_weight = torch.tensor([found_twice])
        images, self._masks = validation
        self._images = np.where(self._masks[..., None] == IGNORE, np.uint8(GREY), images)

    def step(self, images: Pixels, masks: Pixels, share: float) -> float:
        self._network.train()
        for group in self._optimizer.param_groups:
            group["lr"] = LEARNING_RATE * share
        self._optimizer.zero_grad()
        parts, _ = self._network.loss(_batch(images, masks))
        loss = parts.sum() / len(images)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 10.0)
        self._optimizer.step()
        self._average.update_parameters(self._network)
        return float(loss.detach())

    def judged(self) -> tuple[float, float]:
        average = self._average.module
        losses = []
        with torch.no_grad():
            for start in range(0, len(self._images), CHIPS_JUDGED_AT_ONCE):
                part = slice(start, start + CHIPS_JUDGED_AT_ONCE)
                average.train()
                average.criterion = self._network.criterion
                # In training mode, for only then it tells what the loss is made of; its statistics are put back.
                buffers = {name: buffer.clone() for name, buffer in average.named_buffers()}
                parts, _ = average.loss(_batch(self._images[part], self._masks[part]))
                average.load_state_dict(buffers, strict=False)
                losses.append(float(parts.sum()))
        predicted = _odds(average, self._images) >= 0.5
        return sum(losses) / len(self._images), Confusion.of(predicted, self._masks).iou

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self._average.module.state_dict().items()}

    def state(self) -> Arrays:
        remembered = {
            f"{number}.{name}": tensor
            for number, slots in self._optimizer.state_dict()["state"].items()
            for name, tensor in slots.items()
        }
        parts = {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": remembered,
        }
        return {f"{part}.{name}": array for part, held in parts.items() for name, array in self.packed(held).items()}

    def restore(self, state: Arrays) -> None:
        parts: dict[str, dict[str, torch.Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
        for place, tensor in self.unpacked(state).items():
            part, _, name = place.partition(".")
            parts[part][name] = tensor
        self._network.load_state_dict(parts["network"])
        self._average.load_state_dict(parts["average"])
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for place, tensor in parts["optimizer"].items():
            number, _, name = place.partition(".")
            slots.setdefault(int(number), {})[name] = tensor
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": slots})

    def packed(self, weights: dict[str, torch.Tensor]) -> Arrays:
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in weights.items()}

    def unpacked(self, arrays: Arrays) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def _network(base_model: str) -> SegmentationModel:
    definition, _ = NETWORKS[base_model]
    network = SegmentationModel(definition, nc=1, verbose=False)
    network.args = get_cfg(DEFAULT_CFG)
    return network


def _load(network: SegmentationModel, path: Path, base_model: str) -> None:
    try:
        with safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("architecture") != base_model:
                raise Failure("These weights belong to another kind of network.")
        network.load_state_dict(load_file(path))
    except (SafetensorError, FileNotFoundError, RuntimeError) as error:
        raise Failure("The weights cannot be read.") from error


def _tensor(images: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 255


def _batch(images: Pixels, masks: Pixels) -> dict[str, torch.Tensor]:
    """A batch as ultralytics wants it: every connected building is an instance, what is not known is not seen."""
    seen = np.where(masks[..., None] == IGNORE, np.uint8(GREY), images)
    numbered = np.zeros(masks.shape, np.float32)
    chips, boxes = [], []
    for chip, mask in enumerate(masks):
        parts, _ = ndimage.label(mask == BUILDING)
        number = 0
        for index, place in enumerate(ndimage.find_objects(parts), 1):
            here = parts[place] == index
            if np.count_nonzero(here) < INSTANCE_PIXELS_MIN:
                continue
            number += 1
            numbered[chip][place][here] = number
            down, across = place
            centre = (across.start + across.stop) / 2, (down.start + down.stop) / 2
            boxes.append((*centre, across.stop - across.start, down.stop - down.start))
            chips.append(chip)
    side = masks.shape[-1]
    return {
        "img": _tensor(seen),
        "batch_idx": torch.tensor(chips, dtype=torch.float32),
        "cls": torch.zeros(len(chips), 1),
        "bboxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4) / side,
        "masks": torch.from_numpy(numbered),
    }


def _odds(network: SegmentationModel, images: Pixels) -> NDArray[np.float32]:
    """The odds of a building at each pixel: how sure its outline is, less where the building itself is in doubt."""
    network.eval()
    with torch.no_grad():
        parts = [
            _odds_of_batch(network, images[start : start + CHIPS_JUDGED_AT_ONCE])
            for start in range(0, len(images), CHIPS_JUDGED_AT_ONCE)
        ]
    return np.concatenate(parts)


def _odds_of_batch(network: SegmentationModel, images: Pixels) -> NDArray[np.float32]:
    height, width = images.shape[1:3]
    (answers, prototypes), _ = network(_tensor(images))
    odds = np.zeros((len(images), height, width), np.float32)
    sure = non_max_suppression(answers, conf_thres=SURE_MIN, iou_thres=0.6, nc=1, max_det=INSTANCES_MAX)
    for place, (instances, prototype) in enumerate(zip(sure, prototypes, strict=True)):
        if not len(instances):
            continue
        coefficients, boxes = instances[:, 6:], instances[:, :4]
        outlines = torch.einsum("ni,ihw->nhw", coefficients, prototype)
        outlines = interpolate(outlines[None], (height, width), mode="bilinear", align_corners=False)[0].sigmoid()
        across, down = torch.arange(width) + 0.5, torch.arange(height)[:, None] + 0.5
        west, north, east, south = (edge[:, None, None] for edge in boxes.T)
        within = (across >= west) & (across <= east) & (down >= north) & (down <= south)
        # One that is half sure counts in full: ultralytics' own threshold is a quarter.
        doubt = (2 * instances[:, 4]).clamp(max=1)[:, None, None]
        odds[place] = (outlines * within * doubt).amax(0).numpy()
    return odds
