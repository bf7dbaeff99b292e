"""GraphQL types for API keys."""

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.models import choices as choice_tables
from app.services.accounts.sign_in import api_keys
from resolvers.accounts import keys as resolve
from resolvers.enums import show_enum
from schema.accounts.users import User
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

show_enum(choice_tables.Scope)


class ApiKey(Row, of=account_tables.ApiKey):
    created_at: auto
    name: auto
    hint: auto
    scopes: auto
    expires_at: auto
    last_used_at: auto


@shows(api_keys.ApiKeySecret)
class ApiKeySecret:
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`. It is shown only once.")
    api_key: ApiKey = strawberry.field(description="The API key.")


@strawberry.type
class KeysMutation:
    create_api_key: ApiKeySecret | InvalidInput | Conflict | LimitReached = mutation(
        resolve.create_api_key, scope=None, keyed=False
    )
    rename_api_key: ApiKey | InvalidInput | Conflict = mutation(resolve.rename_api_key, scope=None)
    revoke_api_key: User = mutation(resolve.revoke_api_key, scope=None)
