"""GraphQL types of how far new values lie from known ones."""

import strawberry

from resolvers.automl import answers as resolve
from schema.row import shows


@shows(resolve.ColumnDrift)
class ColumnDrift:
    column: str = strawberry.field(description="The name of the column.")
    psi: float = strawberry.field(
        description="The population stability index: 0 is no change, and there is no greatest value."
    )
    js: float = strawberry.field(description="The Jensen-Shannon divergence, 0 to 1.")
    missing_before: float = strawberry.field(description="The share of values that were missing before, 0 to 1.")
    missing_now: float = strawberry.field(description="The share of values that are missing now, 0 to 1.")
    new_label_count: int = strawberry.field(description="How many labels were not there before.")
    is_large: bool = strawberry.field(description="Whether the machine should be trained again.")
