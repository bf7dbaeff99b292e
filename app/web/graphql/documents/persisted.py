"""Which document a request means: the one it holds, one named by its hash (as Apollo and urql do), or a trusted one."""

import re
from typing import NamedTuple, Protocol

from graphql import GraphQLError

from app.settings import settings
from app.web.graphql.errors import Refused
from app.web.graphql.operations.request import Parameters, hash_of

HASH = re.compile(r"[0-9a-f]{64}")
NOT_TRUSTED = (
    "This document is not in the manifest of this installation. Send an operation of the manifest, exactly as it is "
    "there."
)


class Queries(Protocol):
    """Texts that clients have sent before."""

    def known(self, hash: str) -> str | None:
        """The text with this hash, if nothing has to be asked for it."""

    async def text(self, hash: str) -> str | None:
        """The text with this hash, if it is kept."""

    async def keep(self, hash: str, text: str) -> None:
        """Keep a text."""


class Trusted(Protocol):
    """The documents of the manifest."""

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has to be read."""

    async def refresh(self) -> None:
        """Read them, if that was long ago."""

    def text(self, id: str) -> str | None:
        """The document with this id or hash."""


class Meant(NamedTuple):
    """The request with its document, and whether everybody may run that."""

    parameters: Parameters
    is_trusted: bool = True


class Persisted:
    """Finds the documents of requests; without stores, clients have to send them."""

    def __init__(self, queries: Queries | None = None, trusted: Trusted | None = None) -> None:
        self._queries = queries
        self._trusted = trusted

    def is_plain(self, parameters: Parameters) -> bool:
        """Whether a request holds its document, and any document may run."""
        return parameters.document_id is None and not settings.trusted_documents

    async def meant(self, parameters: Parameters, *, may_introspect: bool) -> Meant:
        """The document that is meant; Refused with what clients expect if it is unknown."""
        if settings.trusted_documents:
            if self._trusted:
                await self._trusted.refresh()
            return self._trusted_one(parameters, may_introspect=may_introspect)
        hash = parameters.document_id
        if hash is None:
            return Meant(parameters)
        queries = self._checked(parameters, hash)
        if parameters.query:
            return Meant(parameters)
        text = await queries.text(hash)
        if text is None:
            raise _not_found()
        return Meant(parameters._replace(query=text))

    def meant_now(self, parameters: Parameters) -> Parameters | None:
        """The same if nothing has to be asked; None otherwise."""
        if settings.trusted_documents:
            if not self._trusted or not self._trusted.is_fresh:
                return None
            return self._trusted_one(parameters, may_introspect=False).parameters
        hash = parameters.document_id
        # What comes with its text may have to be kept.
        text = self._queries.known(hash) if self._queries and hash and not parameters.query else None
        return None if text is None or not settings.persisted_queries else parameters._replace(query=text)

    async def keep(self, parameters: Parameters) -> None:
        """Keep the document of a request that names its hash, now that it is known to be valid."""
        if self._queries and parameters.document_id and not settings.trusted_documents and settings.persisted_queries:
            await self._queries.keep(parameters.document_id, parameters.query)

    def _checked(self, parameters: Parameters, hash: str) -> Queries:
        if not self._queries or not settings.persisted_queries:
            raise Refused(
                [GraphQLError("PersistedQueryNotSupported", extensions={"code": "PERSISTED_QUERY_NOT_SUPPORTED"})]
            )
        if not HASH.fullmatch(hash):
            raise Refused([GraphQLError("The hash of a persisted query must be SHA-256 in 64 lowercase hex digits.")])
        if parameters.query and hash_of(parameters.query) != hash:
            raise _mismatch()
        return self._queries

    def _trusted_one(self, parameters: Parameters, *, may_introspect: bool) -> Meant:
        named = self._text(parameters.document_id)
        if named is not None:
            if parameters.query and parameters.query != named:
                raise _mismatch()
            return Meant(parameters._replace(query=named))
        if not parameters.query:
            raise _not_found()
        if self._text(hash_of(parameters.query)) is not None:
            return Meant(parameters)
        if not may_introspect:
            raise not_trusted()
        return Meant(parameters, is_trusted=False)

    def _text(self, id: str | None) -> str | None:
        return self._trusted.text(id) if self._trusted and id is not None else None


def not_trusted() -> Refused:
    """Why a document does not run."""
    return Refused([GraphQLError(NOT_TRUSTED, extensions={"code": "DOCUMENT_NOT_TRUSTED"})])


def _not_found() -> Refused:
    return Refused([GraphQLError("PersistedQueryNotFound", extensions={"code": "PERSISTED_QUERY_NOT_FOUND"})])


def _mismatch() -> Refused:
    return Refused([GraphQLError("provided sha does not match query")])
