"""GraphQL types for sign-in and sessions."""

from datetime import datetime

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.services.accounts.sign_in import sessions
from resolvers.accounts import sessions as resolve
from schema.accounts.users import User
from schema.fields import field, mutation
from schema.problems import InvalidInput
from schema.row import Row, shows


class Session(Row, of=account_tables.Session):
    created_at: auto
    last_used_at: auto
    expires_at: auto
    client: auto
    address: auto
    is_current: bool = field(resolve.is_current)


@shows(sessions.SignedIn)
class SignedIn:
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`. It is shown only once.")
    expires_at: datetime = strawberry.field(description="When it expires unless it is used before.")
    user: User = strawberry.field(description="The signed-in user.")
    device_token: str = strawberry.field(
        description="Store it on this device and send it with the next `signIn`. It grants no access."
    )


@strawberry.type
class SessionsMutation:
    sign_in: SignedIn | InvalidInput = mutation(resolve.sign_in, once_per_operation=True, scope=None, keyed=False)
    sign_out: bool = mutation(resolve.sign_out, scope=None)
    revoke_session: User = mutation(resolve.revoke_session, scope=None)
    revoke_sessions: User = mutation(resolve.revoke_sessions, scope=None)
