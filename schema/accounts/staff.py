"""GraphQL mutations for staff who manage accounts."""

import strawberry

from app.models import choices as choice_tables
from resolvers.accounts import staff as resolve
from schema.accounts.users import User
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput


@strawberry.type
class StaffMutation:
    suspend_user: User | InvalidInput | Conflict = mutation(resolve.suspend_user, scope=choice_tables.Scope.ADMIN)
    restore_user: User | Conflict = mutation(resolve.restore_user, scope=choice_tables.Scope.ADMIN)
    change_staff: User | Conflict = mutation(resolve.change_staff, scope=choice_tables.Scope.ADMIN)
