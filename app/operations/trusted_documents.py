"""What operators do with trusted documents: load manifests, and count what is trusted."""

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from graphql import Executor, GraphQLError, OperationDefinitionNode, parse

from app.errors import DomainError
from app.operations.processes.process import CannotStart
from app.services.system.requests import trusted_documents
from app.settings import settings
from app.web.graphql.documents.cache import Documents
from app.web.graphql.errors import Refused
from app.web.graphql.operations.operation import Execution
from schema import schema
from schema.limits import Limits

FAULTS_SHOWN_MAX = 10


def load(files: Sequence[Path], *, replace: bool) -> str:
    """Trusts the documents of manifests, all or none; what was done."""
    try:
        documents: dict[str, str] = {}
        for file in files:
            documents |= trusted_documents.documents_in(file.read_bytes())
        faults = [f"{id}: {reason}" for id, text in documents.items() if (reason := fault(text))]
        if faults:
            more = f"\n… and {len(faults) - FAULTS_SHOWN_MAX} more" if len(faults) > FAULTS_SHOWN_MAX else ""
            shown = "\n".join(faults[:FAULTS_SHOWN_MAX])
            raise CannotStart(f"Nothing was loaded, because some documents cannot run:\n{shown}{more}")
        total = asyncio.run(trusted_documents.load(documents, replace=replace))
    except DomainError as error:
        raise CannotStart(error.message) from None
    except OSError as error:
        raise CannotStart(f"{error.filename}: {error.strerror}.") from None
    used = "" if settings.trusted_documents else " Set FIELDGRAPH_TRUSTED_DOCUMENTS=1 to let only these run."
    return f"Loaded {len(documents)} documents; {total} are trusted.{used}"


def count() -> str:
    """How many are trusted."""
    return f"{len(asyncio.run(trusted_documents.stored()))} documents are trusted."


@cache
def _documents() -> Documents:
    core = schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
    return Documents(Execution(core, cast("type[Executor[Any]]", schema.execution_context_class)), Limits(schema))


def fault(text: str) -> str | None:
    """Why a document cannot run; None if it can."""
    try:
        names = [node.name for node in parse(text).definitions if isinstance(node, OperationDefinitionNode)]
        for name in names:
            _documents().get(text, name.value if name else None)
    except (Refused, GraphQLError) as error:
        return str(error)
    return None if names else "The document has no operation."
