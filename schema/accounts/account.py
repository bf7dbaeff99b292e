"""GraphQL mutations of the viewer's own account."""

import strawberry
from strawberry import auto

from app.models import accounts as account_tables
from app.models import choices as choice_tables
from resolvers.accounts import account as resolve
from resolvers.enums import show_enum
from schema.accounts.users import User
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row

for kind in (
    choice_tables.TimeFormat,
    choice_tables.DateFormat,
    choice_tables.DateSeparator,
    choice_tables.DatetimeSeparator,
    choice_tables.DecimalSeparator,
):
    show_enum(kind)


class UserPreferences(Row, of=account_tables.UserPreferences):
    time_format: auto
    date_format: auto
    date_separator: auto
    datetime_separator: auto
    decimal_separator: auto


@strawberry.type
class AccountMutation:
    update_account: User | InvalidInput | Conflict | LimitReached = mutation(resolve.update_account)
    update_preferences: UserPreferences = mutation(resolve.update_preferences)
    request_account_deletion: User | Conflict = mutation(
        resolve.request_account_deletion, once_per_operation=True, scope=None
    )
    cancel_account_deletion: User | Conflict = mutation(resolve.cancel_account_deletion, scope=None)
