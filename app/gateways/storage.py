"""Files and blobs: kept in a local folder, or in an object store where `storage_url` names one, behind signed links."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar, cast
from uuid import uuid4

import anyio
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store, from_url

from app.errors import Conflict, NotFound, Unavailable
from app.operations import disk
from app.security import private_files
from app.settings import settings

if TYPE_CHECKING:
    from obstore.store import ClientConfig

T = TypeVar("T")

TRIES_MORE = 2
CLIENT_OPTIONS = ("allow_http", "allow_invalid_certificates", "proxy_url", "proxy_ca_certificate", "proxy_excludes")
KEY = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]*(/[0-9A-Za-z_-][0-9A-Za-z_.-]*)*")
KEY_LENGTH_MAX = 500
ARRIVING = "arriving"


class StoredFile(NamedTuple):
    """A file as whoever downloads it gets it."""

    key: str
    filename: str
    media_type: str


def key_of(source: bytes | Path) -> str:
    """The name of content that follows from the content itself."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            name = hashlib.file_digest(file, "sha256").hexdigest()
    else:
        name = hashlib.sha256(source).hexdigest()
    return f"sha256/{name[:2]}/{name}"


async def put(
    key: str,
    source: bytes | Path | AsyncIterator[bytes],
    *,
    filename: str | None = None,
    media_type: str | None = None,
    is_small: bool = False,
) -> None:
    """Keep content under a key, all of it or none; the name and type are for object stores, which serve links alone.

    Unavailable while the disk is nearly full, unless it `is_small`: a few bytes that tell whether it can be written.
    """
    if not is_small:
        require_room()
    attributes: dict[str, str] = {}
    if not _is_local():
        attributes |= {"Content-Type": media_type} if media_type else {}
        attributes |= {"Content-Disposition": _disposition(filename)} if filename else {}
    # Who sends content piece by piece may take his time; each piece has its own deadline at the store.
    s_max = settings.storage_s_max if isinstance(source, bytes | Path) else None
    async with _in_time(s_max):
        with _private(key):
            await obstore.put_async(_store(), checked(key), source, attributes=attributes or None)


def require_room(bytes: int = 0) -> None:
    """Passes while so many bytes leave enough of the local disk free: a full one would stop everybody."""
    if _is_local():
        private_files.folder(_folder())
        disk.require_room(bytes)


async def put_once(key: str, source: AsyncIterator[bytes]) -> None:
    """Keep content under a key that is still free; Conflict if it is taken."""
    if await exists(key):
        raise Conflict("This upload link was already used. Request a new one.")
    # Under a name of its own until it is whole: of two uploads at once, only one may take the key.
    arriving = f"{ARRIVING}/{uuid4().hex}"
    await put(arriving, source)
    try:
        async with _in_time():
            with _private(key):
                await obstore.rename_async(_store(), arriving, checked(key), overwrite=False)
    except AlreadyExistsError:
        await delete(arriving)
        raise Conflict("This upload link was already used. Request a new one.") from None


async def get(key: str) -> bytes:
    """The content under a key; NotFound if there is none."""
    async with _in_time():
        response = await obstore.get_async(_store(), checked(key))
        return bytes(await response.bytes_async())


async def stream(key: str) -> AsyncIterator[bytes]:
    """The content under a key, piece by piece."""
    async with _in_time():
        response = await obstore.get_async(_store(), checked(key))
    async for chunk in _one_by_one(response.stream(min_chunk_size=settings.file_chunk_bytes)):
        yield bytes(chunk)


async def download(key: str, path: Path) -> None:
    """Copy the content under a key into a file, which appears when it is whole."""
    private_files.folder(path.parent)
    arriving = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        # It is closed by this thread: whoever is cancelled may wait for no other.
        with private_files.opened(arriving, "wb") as file:
            async for chunk in stream(key):
                await anyio.wrap_file(file).write(chunk)
        arriving.replace(path)
    finally:
        arriving.unlink(missing_ok=True)


async def delete(prefix: str) -> None:
    """Forget the content under a key, and under all keys below it."""
    async for entries in _one_by_one(obstore.list(_store(), prefix=checked(prefix))):
        async with _in_time():
            await obstore.delete_async(_store(), [entry["path"] for entry in entries])
    if await exists(prefix):
        async with _in_time():
            await obstore.delete_async(_store(), prefix)


async def every() -> AsyncIterator[str]:
    """All keys, but for what has not arrived whole."""
    with _in_words():
        async for entries in obstore.list(_store()):
            for entry in entries:
                if not entry["path"].startswith(f"{ARRIVING}/"):
                    yield entry["path"]


async def download_if_there(key: str, path: Path) -> None:
    """As `download`, but for what was deleted meanwhile."""
    with suppress(NotFound):
        await download(key, path)


async def old(prefix: str, *, age_s: float) -> AsyncIterator[list[str]]:
    """The keys below a prefix whose content has been there for so long, some at a time."""
    oldest = datetime.now(UTC) - timedelta(seconds=age_s)
    async for entries in _one_by_one(obstore.list(_store(), prefix=checked(prefix))):
        yield [entry["path"] for entry in entries if entry["last_modified"] < oldest]


async def delete_all(keys: Sequence[str]) -> None:
    """Forget the content under these keys, some of which may be gone already."""
    for key in keys:
        with suppress(NotFound):
            async with _in_time():
                await obstore.delete_async(_store(), checked(key))


async def exists(key: str) -> bool:
    """Whether there is content under a key."""
    try:
        await size(key)
    except NotFound:
        return False
    return True


async def size(key: str) -> int:
    """How many bytes are under a key; NotFound if there is nothing."""
    async with _in_time():
        return (await obstore.head_async(_store(), checked(key)))["size"]


def presigned_download(key: str, *, method: Literal["GET", "HEAD"] = "GET") -> str | None:
    """An address of the object store's at which whoever has it may read one file for a minute; None for a folder."""
    if _is_local():
        return None
    return obstore.sign(_signing(), method, checked(key), timedelta(seconds=settings.file_redirect_s))


def presigned_upload(key: str) -> str | None:
    """An address of the object store's to which whoever has it may PUT one file for a while; None for a folder.

    An object store minds neither size nor type: whoever takes the file into use asks for its `size` first.
    """
    if _is_local():
        return None
    return obstore.sign(_signing(), "PUT", checked(key), timedelta(seconds=settings.file_link_s))


def local_path(key: str) -> Path | None:
    """Where the local folder keeps a key; nothing when files live in an object store."""
    return _folder() / checked(key) if _is_local() else None


def checked(key: str) -> str:
    """The key, if it stays below the root whatever the store makes of it."""
    if len(key) > KEY_LENGTH_MAX or not KEY.fullmatch(key):
        raise ValueError(f"not a storage key: {key!r}")
    return key


@contextmanager
def _private(key: str) -> Iterator[None]:
    """What is put under a key of the local disk meanwhile is nobody else's to read; a store knows that itself."""
    if not _is_local():
        yield
        return
    path = _folder() / checked(key)
    private_files.folder(path.parent)
    yield
    with suppress(FileNotFoundError):
        path.chmod(private_files.FILE_MODE)


def _is_local() -> bool:
    return settings.storage_url is None


def _folder() -> Path:
    return settings.home.absolute() / "files"


def _store() -> ObjectStore:
    return _connected(settings.storage_url, _folder())


@lru_cache(maxsize=4)
def _connected(url: str | None, folder: Path) -> ObjectStore:
    if url is None:
        return LocalStore(private_files.folder(folder), automatic_cleanup=True)
    # Credentials, region and endpoint come from the store's own variables, AWS_… for S3.
    silence_s = settings.storage_silence_s_max
    patience: ClientConfig = {
        "connect_timeout": timedelta(seconds=silence_s),
        "read_timeout": timedelta(seconds=silence_s),
        "timeout": timedelta(seconds=settings.storage_s_max),
    }
    return from_url(
        url,
        client_options=cast("ClientConfig", patience | _told_by_environment()),
        retry_config={"max_retries": TRIES_MORE, "retry_timeout": timedelta(seconds=TRIES_MORE * silence_s)},
    )


def _told_by_environment() -> dict[str, str]:
    """What the store's variables say of its connections: options that are given would have them forgotten."""
    return {
        option: value
        for option in CLIENT_OPTIONS
        for service in ("AWS", "GOOGLE", "AZURE")
        if (value := os.environ.get(f"{service}_{option.upper()}"))
    }


def _signing() -> S3Store | GCSStore | AzureStore:
    store = _store()
    if not isinstance(store, S3Store | GCSStore | AzureStore):
        raise TypeError("FIELDGRAPH_STORAGE_URL must name a store that can sign links: s3://, gs:// or az://.")
    return store


def _disposition(filename: str) -> str:
    return f'attachment; filename="{re.sub(r"[^0-9A-Za-z._-]+", "_", filename)}"'


@asynccontextmanager
async def _in_time(s_max: float | None = settings.storage_s_max) -> AsyncIterator[None]:
    """A question to the store, bounded in time and answered in the domain's words."""
    with _in_words():
        try:
            async with asyncio.timeout(s_max) as limit:
                yield
        except TimeoutError as error:
            # Another one is of whoever sends the content, piece by piece, and too slowly.
            if not limit.expired():
                raise
            raise Unavailable("The file storage does not answer. Try again later.") from error


async def _one_by_one(parts: AsyncIterable[T]) -> AsyncIterator[T]:
    """All parts, each of them in time, however long whoever takes them needs."""
    rest = aiter(parts)
    while True:
        try:
            async with _in_time():
                part = await anext(rest)
        except StopAsyncIteration:
            return
        yield part


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("This file no longer exists.") from None
    except AlreadyExistsError:
        raise
    except BaseError as error:
        raise Unavailable("The file storage is not available now. Try again later.") from error
