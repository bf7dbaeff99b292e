"""How clients send files, whichever domain they are for."""

from datetime import datetime

import strawberry

from app.models.base import BigInt
from app.services.system import uploads
from schema.row import shows


@shows(uploads.UploadLink)
class UploadLink:
    upload: str = strawberry.field(description="What names the file to the mutation that takes it into use.")
    url: str = strawberry.field(description="Where to PUT it, once.")
    media_type: str = strawberry.field(description="Its type, to be sent as Content-Type.")
    bytes_max: BigInt = strawberry.field(description="How many bytes it may have.")
    expires_at: datetime = strawberry.field(description="Until when it may be sent.")
