"""Files of frames in a package of ours: what each object does in each frame of its medium, beside the tables."""

import shutil
from pathlib import Path

from app.formats.wildlife import folders
from app.formats.wildlife.camtrap_dp import descriptor
from app.formats.wildlife.camtrap_dp.details import SHA256
from app.security import private_files

FOLDER = "frames"
SUFFIX = ".msgpack.zst"
FILES_MAX = 100_000


def name_of(digest: str) -> str:
    """The name of a file by the hash of its content."""
    return f"{digest}{SUFFIX}"


def copy(path: Path, target: Path) -> int:
    """Copies the files of frames in a package into a folder; how many. What is in them is checked when it is stored."""
    private_files.folder(target)
    count = 0
    with folders.opened(path, descriptor.NAME) as folder:
        folder.at(descriptor.NAME, descriptor.ABSENT)
        for name in folder.below(FOLDER):
            if SHA256.match(name.removesuffix(SUFFIX)) and name.endswith(SUFFIX) and count < FILES_MAX:
                with folder.opened(f"{FOLDER}/{name}") as file, private_files.opened(target / name, "wb") as out:
                    shutil.copyfileobj(file, out)
                count += 1
    return count
