"""Trusted documents: by setting, only operations of a manifest run.

The manifest is kept with the files, so that all machines and backups have it.
"""

import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
import structlog

from app.errors import BadRequest, NotFound
from app.gateways import storage
from app.settings import settings

KEY = "documents/manifest.json"
APOLLO = "apollo-persisted-query-manifest"
ID_LENGTH_MAX = 128
NO_MANIFEST = (
    "This is not a manifest. Give the JSON file that Apollo (generate-persisted-query-manifest), Relay "
    "(persisted_queries.json) or GraphQL Code Generator (persisted-documents.json) writes."
)

log = structlog.get_logger(__name__)


def hash_of(text: str) -> str:
    """The hash by which a document is known."""
    return sha256(text.encode()).hexdigest()


def documents_in(manifest: bytes) -> dict[str, str]:
    """The documents of a manifest by their ids; BadRequest if it is none."""
    try:
        value = orjson.loads(manifest)
    except orjson.JSONDecodeError:
        raise BadRequest(NO_MANIFEST) from None
    if isinstance(value, dict) and value.get("format") == APOLLO:
        return _of_apollo(value)
    if not isinstance(value, dict) or not value or not all(map(_is_document, value.items())):
        raise BadRequest(NO_MANIFEST)
    return value


def _of_apollo(value: dict[str, Any]) -> dict[str, str]:
    operations = value.get("operations")
    if value.get("version") != 1 or not isinstance(operations, list):
        raise BadRequest("This manifest of Apollo has another version than 1, or no operations.")
    documents: dict[str, str] = {}
    for operation in operations:
        id, body = (operation.get("id"), operation.get("body")) if isinstance(operation, dict) else (None, None)
        if not _is_document((id, body)):
            raise BadRequest("Each operation of the manifest needs an 'id' and a 'body'.")
        if documents.setdefault(str(id), str(body)) != body:
            raise BadRequest(f"The manifest has two operations with the id {id}.")
    return documents


def _is_document(pair: tuple[Any, Any]) -> bool:
    id, text = pair
    return isinstance(id, str) and 0 < len(id) <= ID_LENGTH_MAX and isinstance(text, str) and bool(text.strip())


async def load(documents: Mapping[str, str], *, replace: bool) -> int:
    """Adds documents to those that are trusted, or trusts only these; how many are trusted then."""
    known = {} if replace else await stored()
    for id, text in documents.items():
        if known.get(id, text) != text:
            raise BadRequest(f"Another document is trusted under the id {id}. Load with --replace to trust only these.")
    merged = {**known, **documents}
    await storage.put(KEY, orjson.dumps(merged, option=orjson.OPT_SORT_KEYS), media_type="application/json")
    return len(merged)


async def stored() -> dict[str, str]:
    """The documents that are trusted, by their ids."""
    try:
        documents: dict[str, str] = orjson.loads(await storage.get(KEY))
    except NotFound:
        return {}
    return documents


class TrustedDocuments:
    """The trusted documents as a process knows them: read again after some seconds."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._until = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether they need not be read again."""
        return time.monotonic() < self._until

    async def refresh(self) -> None:
        """Reads them if that was long ago. Those known are kept while the storage is away."""
        if self.is_fresh:
            return
        # Others that come meanwhile take those of before.
        self._until = time.monotonic() + settings.trusted_documents_s
        try:
            documents = await stored()
        except Exception as error:  # noqa: BLE001 - an outage of the storage must not be one of the service
            log.warning("trusted documents not read", reason=type(error).__name__)
        else:
            self._texts = {**documents, **{hash_of(text): text for text in documents.values()}}

    def text(self, id: str) -> str | None:
        """The document with this id, or with this hash."""
        return self._texts.get(id)
