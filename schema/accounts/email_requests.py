"""GraphQL mutations for sign-up, password reset and address verification."""

import strawberry

from app.services.accounts.email import requests
from resolvers.accounts import email_requests as resolve
from schema.accounts.sessions import SignedIn
from schema.accounts.users import User
from schema.fields import mutation
from schema.problems import Conflict, InvalidInput, Unavailable
from schema.row import shows


@shows(requests.MailRequested)
class MailRequested:
    email: str = strawberry.field(description="The address the email goes to.")


@strawberry.type
class MailedMutation:
    request_sign_up: MailRequested | InvalidInput | Unavailable = mutation(
        resolve.request_sign_up, once_per_operation=True, scope=None
    )
    sign_up: SignedIn | InvalidInput | Conflict = mutation(
        resolve.sign_up, once_per_operation=True, scope=None, keyed=False
    )
    request_password_reset: MailRequested | InvalidInput | Unavailable = mutation(
        resolve.request_password_reset, once_per_operation=True, scope=None
    )
    reset_password: User | InvalidInput = mutation(resolve.reset_password, once_per_operation=True, scope=None)
    change_password: User | InvalidInput | Conflict = mutation(
        resolve.change_password, once_per_operation=True, scope=None
    )
    request_email_verification: MailRequested | InvalidInput | Conflict | Unavailable = mutation(
        resolve.request_email_verification, once_per_operation=True, scope=None
    )
    verify_email: User | InvalidInput | Conflict = mutation(resolve.verify_email, once_per_operation=True, scope=None)
