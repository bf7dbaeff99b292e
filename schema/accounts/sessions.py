"""What clients see of signing up, in and out."""

from datetime import datetime

import strawberry

from app.services import accounts
from resolvers import accounts as resolve
from schema.accounts.users import User
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput
from schema.row import shows


@shows(accounts.SignedIn)
class SignedIn:
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`. It is shown this once.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is used before.")
    user: User = strawberry.field(description="Who is signed in.")


@strawberry.type
class SessionsMutation:
    sign_up: SignedIn | InvalidInput | Conflict = mutation(resolve.sign_up)
    sign_in: SignedIn | InvalidInput = mutation(resolve.sign_in)
    sign_out: bool = mutation(resolve.sign_out)
