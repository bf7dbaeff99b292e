"""File uploads, for all domains."""

from datetime import datetime

import strawberry

from app.models.base import BigInt
from app.services.system.files import uploads
from schema.row import shows


@shows(uploads.UploadLink)
class UploadLink:
    upload: str = strawberry.field(description="Identifies the file in the mutation that uses it.")
    url: str = strawberry.field(description="The URL to PUT the file to, once.")
    media_type: str = strawberry.field(description="The media type to send as Content-Type.")
    bytes_max: BigInt = strawberry.field(description="The maximum size in bytes.")
    expires_at: datetime = strawberry.field(description="When the link expires.")
