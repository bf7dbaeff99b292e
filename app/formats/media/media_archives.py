"""ZIP archives of media, unpacked within bounds. A parser: it runs in a child."""

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from app.errors import Unreadable
from app.parsing import bounds
from app.security import private_files
from app.settings import settings

# What systems add to archives, and nobody took with a camera.
LEFT_OUT = {"__MACOSX"}
LEFT_OUT_NAMES = {".DS_Store", "Thumbs.db", "desktop.ini"}


def unpack(archive: str, folder: str) -> list[str]:
    """Writes the files of an archive as `0`, `1`, … into a folder; answers with their paths in the archive."""
    target = private_files.folder(Path(folder))
    try:
        with ZipFile(archive) as opened:
            members = bounds.members(opened, files_max=settings.media_archive_files_max)
            shown = [entry for entry in members if not _is_left_out(entry.filename)]
            left = settings.media_archive_bytes_max
            for number, entry in enumerate(shown):
                with (target / str(number)).open("wb") as file:
                    for piece in bounds.unpacked(opened, entry, bytes_max=left):
                        left -= file.write(piece)
    except (BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("This is not a ZIP archive, or it is broken.") from None
    return [entry.filename for entry in shown]


def _is_left_out(name: str) -> bool:
    parts = name.split("/")
    return bool(LEFT_OUT & set(parts)) or parts[-1] in LEFT_OUT_NAMES or parts[-1].startswith("._")
