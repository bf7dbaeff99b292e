"""GraphQL types for what is kept for an account."""

import strawberry

from app.models.base import BigInt
from app.services.system.files.storage_usage import Stored
from resolvers.system import storage as resolve
from schema.fields import field
from schema.row import shows


@shows(Stored)
class StorageUsage:
    used_bytes: BigInt = strawberry.field(description="The bytes of all files that are kept for the account.")
    limit_bytes: BigInt = strawberry.field(description="The most bytes that may be kept for the account.")


@strawberry.type
class StorageQuery:
    storage_usage: StorageUsage = field(resolve.storage_usage)
