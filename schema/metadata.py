"""What fields declare about the requests that ask for them: kept with the field, read when a document is checked."""

from collections.abc import Mapping
from typing import Any

import strawberry

REQUEST_BYTES_MAX = "request_bytes_max"
ONCE_PER_OPERATION = "once_per_operation"
CLAIMS_FIRST = "claims_first"
"""Of a mutation that does nothing before its transaction: whether it was carried out before is asked in that alone."""
NEEDS_READ = "needs_read"
"""Of a field that is never null and shows a row hidden from strangers: a change shows it to keys with READ only."""


def metadata_of_mutations(schema: strawberry.Schema) -> dict[str, Mapping[Any, Any]]:
    """What each mutation declares, by its name."""
    core = schema._schema.mutation_type  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
    fields = core.fields if core else {}
    return {name: field.extensions["strawberry-definition"].metadata for name, field in fields.items()}


NEEDS_KEY = "needs_key"
