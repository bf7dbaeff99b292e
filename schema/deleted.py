"""What mutations that delete a row return, in all domains."""

import strawberry

from resolvers import deleted
from schema.row import shows


@shows(deleted.Deleted)
class Deleted:
    deleted_id: strawberry.ID = strawberry.field(description="The id it had.")
