"""Files other programs read: features go in by the batch, bytes come out, and memory stays flat."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from shapely.geometry.base import BaseGeometry

from app.telemetry.metering import in_thread


class Feature(NamedTuple):
    """A shape and its properties."""

    geometry: BaseGeometry
    properties: Mapping[str, Any]


class Writer(Protocol):
    """One file in the making."""

    media_type: str

    def write(self, features: Sequence[Feature]) -> bytes:
        """Takes more features; the bytes that are settled by now, which may be none."""

    def finish(self) -> Iterator[bytes]:
        """The rest of the file."""


def written(writer: Writer, batches: Iterable[Sequence[Feature]]) -> Iterator[bytes]:
    """A whole file, piece by piece."""
    for features in batches:
        yield writer.write(features)
    yield from writer.finish()


def write_file(path: Path, writer: Writer, batches: Iterable[Sequence[Feature]]) -> None:
    """Writes a whole file to disk."""
    with path.open("wb") as file:
        file.writelines(written(writer, batches))


async def streamed(writer: Writer, batches: AsyncGenerator[Sequence[Feature], None]) -> AsyncGenerator[bytes, None]:
    """A whole file, piece by piece, written in threads: meanwhile others are answered."""
    async with aclosing(batches):
        async for features in batches:
            yield await in_thread(writer.write, features)
    rest = writer.finish()
    while (piece := await in_thread(next, rest, None)) is not None:
        yield piece
