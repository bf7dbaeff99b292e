"""What clients see of people and sessions."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app import models as tables
from app.services import accounts
from resolvers import accounts as resolve
from resolvers.mapping import NamedOrder, TrainingOrder
from schema.fields import Connection, field, many, mutation
from schema.problems import Conflict, InvalidInput
from schema.row import Row, shows

if TYPE_CHECKING:
    from schema.mapping import Dataset, Model, Training

strawberry.enum(tables.DeliveryMethod, description=tables.DeliveryMethod.__doc__)


class User(Row, of=tables.User):
    created_at: auto
    username: auto
    first_name: auto
    last_name: auto
    is_active: auto
    is_staff: auto
    is_super_admin: auto
    date_joined: auto
    email: str | None = field(resolve.email)
    email_verified: bool | None = field(resolve.email_verified)
    last_login: datetime | None = field(resolve.last_login)
    notifications_delivery_methods: list[tables.DeliveryMethod] | None = field(resolve.notifications_delivery_methods)
    newsletter_subscription: bool | None = field(resolve.newsletter_subscription)
    account_deletion_requested: bool | None = field(resolve.account_deletion_requested)
    datasets: Connection[Annotated["Dataset", strawberry.lazy("schema.mapping")]] = many(
        tables.User.datasets, order=NamedOrder
    )
    models: Connection[Annotated["Model", strawberry.lazy("schema.mapping")]] = many(
        tables.User.models, order=NamedOrder
    )
    trainings: Connection[Annotated["Training", strawberry.lazy("schema.mapping")]] = many(
        tables.User.trainings, order=TrainingOrder
    )


@shows(accounts.SignedIn)
class SignedIn:
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`. It is shown this once.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is used before.")
    user: User = strawberry.field(description="Who is signed in.")


@strawberry.type
class AccountsQuery:
    me: User | None = field(resolve.me)
    user: User | None = field(resolve.user)


@strawberry.type
class AccountsMutation:
    sign_up: SignedIn | InvalidInput | Conflict = mutation(resolve.sign_up)
    sign_in: SignedIn | InvalidInput = mutation(resolve.sign_in)
    sign_out: bool = mutation(resolve.sign_out)
