"""Frames in storage: each file under the hash of its content, so that equal ones are kept once."""

import asyncio
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app import parsing
from app.database import Database
from app.formats import frames
from app.formats.frames import FrameSample, FramesCode, FramesHeader, ObjectHeader, Range, UnreadableFrames
from app.formats.frames.reading import sift, sift_renamed
from app.gateways import storage
from app.models.wildlife.classifications import Classification

PREFIX = "frames"
# A file is written before the row that names it.
AGE_S_MIN = 86_400.0
DIGEST_LENGTH = 64


def key_of(digest: str) -> str:
    """Where a file of frames lies."""
    return f"{PREFIX}/{digest[:2]}/{digest}"


async def store_frames(header: FramesHeader, objects: Sequence[tuple[ObjectHeader, Iterable[FrameSample]]]) -> str:
    """Writes a payload and stores it; gives its digest. UnreadableFrames if it breaks a rule of the contract."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        await asyncio.to_thread(_write, path, header, objects)
        return await _keep(path)


async def store_payload(source: Path, *, object_ids: Collection[int] | None = None) -> tuple[str, dict[str, Any]]:
    """Checks a payload from outside and stores it as we write it; gives its digest and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        ids = None if object_ids is None else list(object_ids)
        report = await parsing.run(sift, str(source), str(path), ids)
        if "code" in report:
            raise UnreadableFrames(FramesCode(report["code"]), report["message"])
        return await _keep(path), report


async def store_renamed(
    source: Path, classification_id: int, objects: Sequence[tuple[int, int, int | None]]
) -> str | None:
    """Stores a payload from elsewhere for a classification of ours; its digest, or none if it breaks a rule.

    objects: for each object its id there, its id here, and its taxon.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        rows = [list(each) for each in objects]
        refused = await parsing.run(sift_renamed, str(source), str(path), classification_id, rows)
        return None if refused else await _keep(path)


async def prune_frames(database: Database) -> int:
    """Deletes files of frames that no classification names any more, some time after they were written."""
    deleted = 0
    async for keys in storage.old(PREFIX, age_s=AGE_S_MIN):
        digests = {key.rpartition("/")[2]: key for key in keys}
        async with database.reading() as session:
            named = select(Classification.frames_sha256).where(Classification.frames_sha256.in_(digests))
            used = set(await session.scalars(named))
        unused = [key for digest, key in digests.items() if digest not in used]
        await storage.delete_all(unused)
        deleted += len(unused)
    return deleted


async def read_frames(digest: str, **wanted: Any) -> Range:
    """A part of a stored payload; see `formats.frames.read_range`."""
    path = storage.local_path(key_of(digest))
    if path is not None and await asyncio.to_thread(path.is_file):
        return await asyncio.to_thread(_read, path, wanted)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "frames"
        await storage.download(key_of(digest), copy)
        return await asyncio.to_thread(_read, copy, wanted)


def _write(path: Path, header: FramesHeader, objects: Sequence[tuple[ObjectHeader, Iterable[FrameSample]]]) -> None:
    with path.open("wb") as file:
        frames.write(header, objects, file)


def _read(path: Path, wanted: dict[str, Any]) -> Range:
    with path.open("rb") as file:
        return frames.read_range(file, **wanted)


async def _keep(path: Path) -> str:
    digest = await asyncio.to_thread(storage.key_of, path)
    name = digest.rpartition("/")[2]
    if not await storage.exists(key_of(name)):
        await storage.put(key_of(name), path, media_type=frames.MEDIA_TYPE)
    return name
