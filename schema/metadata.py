"""What a mutation declares about the requests that call it: kept with its field, read when a document is checked."""

from collections.abc import Mapping
from typing import Any

import strawberry

REQUEST_BYTES_MAX = "request_bytes_max"
ONCE_PER_OPERATION = "once_per_operation"


def metadata_of_mutations(schema: strawberry.Schema) -> dict[str, Mapping[Any, Any]]:
    """What each mutation declares, by its name."""
    core = schema._schema.mutation_type  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
    fields = core.fields if core else {}
    return {name: field.extensions["strawberry-definition"].metadata for name, field in fields.items()}
