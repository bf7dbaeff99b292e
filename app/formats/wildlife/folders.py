"""Files that belong together: in a ZIP archive, or in a folder."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from app.errors import Unreadable, quoted
from app.formats.wildlife import streams
from app.parsing import bounds
from app.settings import settings


class Folder:
    """Files by their paths. Those of an archive may all lie in one folder."""

    def __init__(self, files: dict[str, Any], archive: ZipFile | None) -> None:
        self._files = files
        self._archive = archive
        self._base = ""

    def at(self, name: str, absent: str) -> None:
        """Paths are from now on those beside the file of this name; Unreadable if there is none."""
        matches = sorted((path for path in self._files if PurePosixPath(path).name == name), key=_depth)
        if not matches:
            raise Unreadable(absent)
        if len(matches) > 1 and _depth(matches[0]) == _depth(matches[1]):
            raise Unreadable(f"There are two files named {name}. Send one package at a time.")
        self._base = matches[0].removesuffix(name)

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return self._place(path) is not None

    def below(self, folder: str) -> list[str]:
        """The names of files in a folder beside the file that `at` found, in order."""
        base = f"{self._base}{folder}/"
        return sorted(
            path[len(base) :] for path in self._files if path.startswith(base) and "/" not in path[len(base) :]
        )

    def _place(self, path: str) -> str | None:
        for place in (self._base + path, f"{self._base}{path}.gz"):
            if place in self._files:
                return place
        return None

    @contextmanager
    def opened(self, path: str) -> Iterator[IO[bytes]]:
        """A file that is there."""
        entry = self._files[self._place(path) or path]
        with ExitStack() as stack:
            if self._archive is None:
                yield stack.enter_context(cast("Path", entry).open("rb"))
                return
            try:
                file = stack.enter_context(self._archive.open(cast("ZipInfo", entry)))
            except (BadZipFile, NotImplementedError, RuntimeError):
                raise Unreadable(f"{quoted(path)} in this archive cannot be unpacked.") from None
            yield streams.member(file)


@contextmanager
def opened(path: Path, alone: str | None = None) -> Iterator[Folder]:
    """The files in a folder or a ZIP archive; any other file is taken for one of the name `alone`."""
    if path.is_dir():
        yield Folder({each.relative_to(path).as_posix(): each for each in path.rglob("*") if each.is_file()}, None)
        return
    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    if not is_archive:
        if alone is None:
            raise Unreadable("This is not a ZIP archive.")
        yield Folder({alone: path}, None)
        return
    try:
        with path.open("rb") as file, bounds.archive(file, files_max=settings.media_archive_files_max) as archive:
            entries = bounds.members(archive, files_max=settings.media_archive_files_max)
            yield Folder({entry.filename: entry for entry in entries}, archive)
    except (BadZipFile, NotImplementedError):
        raise Unreadable("This ZIP archive is broken or cut off.") from None


def _depth(name: str) -> int:
    return len(PurePosixPath(name).parts)
