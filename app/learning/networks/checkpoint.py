"""A network as a safetensors file: the weights by name, and in its header what they belong to."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from app.learning.engine import Failure
from app.learning.networks import efficient_unet, unet
from app.learning.networks.efficient_unet import EfficientUNet
from app.learning.networks.unet import CLASSES, UNet

RampNetwork = UNet | EfficientUNet


def save(network: RampNetwork, path: Path, facts: Mapping[str, str]) -> None:
    """Write the weights; `facts` join the architecture in the header."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(network, eqx.is_array))
    # Copied into one piece: an array that is a view would be written in the order it lies in memory.
    tensors = {_name(place): jax.device_get(jnp.array(leaf)).copy(order="C") for place, leaf in leaves}
    save_file(tensors, path, {**_kind(network), **facts})


def load(path: Path) -> RampNetwork:
    """Read weights that `save` wrote; anything else is a `Failure`."""
    try:
        with safe_open(path, framework="numpy") as file:
            facts = file.metadata() or {}
            network = _blank(facts)
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, FileNotFoundError) as error:
        raise Failure("The weights cannot be read.") from error
    leaves, structure = jax.tree_util.tree_flatten_with_path(network)
    if {_name(place): leaf.shape for place, leaf in leaves} != {name: array.shape for name, array in stored.items()}:
        raise Failure("These weights belong to another kind of network.")
    weights = [jnp.asarray(stored[_name(place)], jnp.float32) for place, _ in leaves]
    return cast(RampNetwork, jax.tree.unflatten(structure, weights))


def _kind(network: RampNetwork) -> dict[str, str]:
    if isinstance(network, EfficientUNet):
        return {"architecture": efficient_unet.ARCHITECTURE}
    return {"architecture": unet.ARCHITECTURE, "classes": str(network.classes)}


def _blank(facts: Mapping[str, str]) -> RampNetwork:
    random = np.random.default_rng(0)
    if facts.get("architecture") == efficient_unet.ARCHITECTURE:
        return EfficientUNet.blank(random)
    if facts.get("architecture") == unet.ARCHITECTURE:
        return UNet(random, classes=CLASSES if facts.get("classes") == str(CLASSES) else 1)
    raise Failure("These weights belong to another kind of network.")


def facts(path: Path) -> Mapping[str, str]:
    """What stands in the header beside the weights."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
    except (SafetensorError, FileNotFoundError) as error:
        raise Failure("The weights cannot be read.") from error
    return metadata


def _name(place: tuple[object, ...]) -> str:
    return jax.tree_util.keystr(place, simple=True, separator=".")
