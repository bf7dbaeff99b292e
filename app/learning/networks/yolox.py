"""MegadetectorLite's network, YOLOX-tiny: from pictures of 640 pixels to boxes with an animal in them.

YOLOX: Exceeding YOLO Series in 2021, Ge and others, arXiv 2107.08430. The numbers are those of the weights that zamba
publishes under the MIT licence.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from app.learning.networks.pretrained import Conv, Tensors, silu

SIDE = 640
STRIDES = (8, 16, 32)
POOLS = (5, 9, 13)


class Bottleneck(eqx.Module):
    """Two convolutions, and where `is_around` a way around them."""

    first: Conv
    second: Conv
    is_around: bool = eqx.field(static=True)

    def __call__(self, x: Array) -> Array:
        y = silu(self.second(silu(self.first(x))))
        return x + y if self.is_around else y


class CrossStage(eqx.Module):
    """Half of the channels go through bottlenecks, half pass by them."""

    through: Conv
    past: Conv
    joined: Conv
    inner: tuple[Bottleneck, ...]

    @classmethod
    def read(cls, tensors: Tensors, name: str, *, is_around: bool) -> "CrossStage":
        """As many bottlenecks as there are."""
        inner: list[Bottleneck] = []
        while f"{name}.m.{len(inner)}.conv1.conv" in tensors:
            below = f"{name}.m.{len(inner)}"
            pair = tensors.conv(f"{below}.conv1.conv"), tensors.conv(f"{below}.conv2.conv")
            inner.append(Bottleneck(*pair, is_around))
        through, past, joined = (tensors.conv(f"{name}.conv{number}.conv") for number in (1, 2, 3))
        return cls(through, past, joined, tuple(inner))

    def __call__(self, x: Array) -> Array:
        y = silu(self.through(x))
        for bottleneck in self.inner:
            y = bottleneck(y)
        return silu(self.joined(jnp.concatenate([y, silu(self.past(x))], -1)))


class Darknet(eqx.Module):
    """The backbone; answers with what it sees at strides 8, 16 and 32."""

    stem: Conv
    downs: tuple[Conv, ...]
    stages: tuple[CrossStage, ...]
    before_pools: Conv
    after_pools: Conv

    @classmethod
    def read(cls, tensors: Tensors) -> "Darknet":
        """From `backbone.backbone`."""
        name = "backbone.backbone"
        downs = tuple(tensors.conv(f"{name}.dark{level}.0.conv", 2) for level in (2, 3, 4, 5))
        stages = [CrossStage.read(tensors, f"{name}.dark{level}.1", is_around=True) for level in (2, 3, 4)]
        stages.append(CrossStage.read(tensors, f"{name}.dark5.2", is_around=False))
        pools = (tensors.conv(f"{name}.dark5.1.conv{number}.conv") for number in (1, 2))
        return cls(tensors.conv(f"{name}.stem.conv.conv"), downs, tuple(stages), *pools)

    def __call__(self, images: Array) -> list[Array]:
        # Each pixel of the stem is four of the picture.
        quarters = [images[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        x = silu(self.stem(jnp.concatenate(quarters, -1)))
        seen = []
        for level, (down, stage) in enumerate(zip(self.downs, self.stages, strict=True)):
            x = silu(down(x))
            if level == len(self.downs) - 1:
                x = self._pooled(x)
            x = stage(x)
            seen.append(x)
        return seen[1:]

    def _pooled(self, x: Array) -> Array:
        y = silu(self.before_pools(x))
        pools = [lax.reduce_window(y, -jnp.inf, lax.max, (1, size, size, 1), (1, 1, 1, 1), "SAME") for size in POOLS]
        return silu(self.after_pools(jnp.concatenate([y, *pools], -1)))


class Pyramid(eqx.Module):
    """Features pass from coarse to fine levels, and back."""

    lateral: Conv
    reduce: Conv
    stage_p4: CrossStage
    stage_p3: CrossStage
    down_p3: Conv
    down_p4: Conv
    stage_n3: CrossStage
    stage_n4: CrossStage

    @classmethod
    def read(cls, tensors: Tensors) -> "Pyramid":
        """From `backbone`."""

        def stage(name: str) -> CrossStage:
            return CrossStage.read(tensors, f"backbone.{name}", is_around=False)

        return cls(
            tensors.conv("backbone.lateral_conv0.conv"),
            tensors.conv("backbone.reduce_conv1.conv"),
            stage("C3_p4"),
            stage("C3_p3"),
            tensors.conv("backbone.bu_conv2.conv", 2),
            tensors.conv("backbone.bu_conv1.conv", 2),
            stage("C3_n3"),
            stage("C3_n4"),
        )

    def __call__(self, seen: list[Array]) -> list[Array]:
        fine, middle, coarse = seen
        coarse = silu(self.lateral(coarse))
        joined = silu(self.reduce(self.stage_p4(jnp.concatenate([_doubled(coarse), middle], -1))))
        p3 = self.stage_p3(jnp.concatenate([_doubled(joined), fine], -1))
        p4 = self.stage_n3(jnp.concatenate([silu(self.down_p3(p3)), joined], -1))
        p5 = self.stage_n4(jnp.concatenate([silu(self.down_p4(p4)), coarse], -1))
        return [p3, p4, p5]


def _doubled(x: Array) -> Array:
    return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)


class Head(eqx.Module):
    """The answer of one level: for each of its cells a box, and how sure it is that there is an animal."""

    stem: Conv
    class_convs: tuple[Conv, ...]
    box_convs: tuple[Conv, ...]
    of_class: Conv
    of_box: Conv
    of_object: Conv

    @classmethod
    def read(cls, tensors: Tensors, level: int) -> "Head":
        """From `head`."""
        classes, boxes = (
            tuple(tensors.conv(f"head.{kind}_convs.{level}.{number}.conv") for number in (0, 1))
            for kind in ("cls", "reg")
        )
        last = (tensors.conv(f"head.{kind}_preds.{level}") for kind in ("cls", "reg", "obj"))
        return cls(tensors.conv(f"head.stems.{level}.conv"), classes, boxes, *last)

    def __call__(self, x: Array, stride: int) -> Array:
        x = silu(self.stem(x))
        by_class, by_box = x, x
        for first, second in zip(self.class_convs, self.box_convs, strict=True):
            by_class, by_box = silu(first(by_class)), silu(second(by_box))
        box = self.of_box(by_box)
        batch, height, width, _ = box.shape
        rows, columns = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
        middle = (box[..., :2] + jnp.stack([columns, rows], -1)) * stride
        half = jnp.exp(box[..., 2:]) * stride / 2
        score = jax.nn.sigmoid(self.of_object(by_box)) * jax.nn.sigmoid(self.of_class(by_class))
        detections = jnp.concatenate([middle - half, middle + half, score], -1)
        return detections.reshape(batch, height * width, 5)


class Yolox(eqx.Module):
    """Pictures as (batch, 640, 640, 3) of 0 … 255 in; boxes as (left, top, right, bottom, score) in pixels out."""

    backbone: Darknet
    pyramid: Pyramid
    heads: tuple[Head, ...]

    @classmethod
    def read(cls, path: Path) -> "Yolox":
        """The network with the weights of a file."""
        tensors = Tensors.read(path)
        heads = tuple(Head.read(tensors, level) for level in range(len(STRIDES)))
        return cls(Darknet.read(tensors), Pyramid.read(tensors), heads)

    def __call__(self, images: Array) -> Array:
        seen = self.pyramid(self.backbone(images.astype(jnp.float32)))
        levels = zip(self.heads, seen, STRIDES, strict=True)
        return jnp.concatenate([head(level, stride) for head, level, stride in levels], 1)
