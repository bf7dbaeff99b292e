"""What clients see of changing one's own account."""

import strawberry
from strawberry import auto

from app import models as tables
from resolvers import accounts as resolve
from schema.accounts.users import User
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput
from schema.row import Row

for kind in (
    tables.TimeFormat,
    tables.DateFormat,
    tables.DateSeparator,
    tables.DatetimeSeparator,
    tables.DecimalSeparator,
):
    strawberry.enum(kind, description=kind.__doc__)


class UserPreferences(Row, of=tables.UserPreferences):
    time_format: auto
    date_format: auto
    date_separator: auto
    datetime_separator: auto
    decimal_separator: auto


@strawberry.type
class AccountMutation:
    update_account: User | InvalidInput | Conflict = mutation(resolve.update_account)
    update_preferences: UserPreferences = mutation(resolve.update_preferences)
    request_account_deletion: User | Conflict = mutation(resolve.request_account_deletion, scope=None)
    cancel_account_deletion: User | Conflict = mutation(resolve.cancel_account_deletion, scope=None)
