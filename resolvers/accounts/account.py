"""What people change about their own account."""

import strawberry

from app.models.accounts import User, UserPreferences
from app.models.choices import (
    DateFormat,
    DateSeparator,
    DatetimeSeparator,
    DecimalSeparator,
    DeliveryMethod,
    NotificationKind,
    TimeFormat,
)
from app.services.accounts.users import deletion, settings
from resolvers.context import Info
from resolvers.optional_arguments import given


async def update_account(
    info: Info,
    username: strawberry.Maybe[str] = None,
    first_name: strawberry.Maybe[str | None] = None,
    last_name: strawberry.Maybe[str | None] = None,
    user_profile: strawberry.Maybe[str | None] = None,
    newsletter_subscription: strawberry.Maybe[bool] = None,
    notifications_delivery_methods: strawberry.Maybe[list[DeliveryMethod]] = None,
    notifications_declined: strawberry.Maybe[list[NotificationKind]] = None,
) -> User:
    """Changes what is given of the viewer's account and leaves the rest. Its address: `requestEmailVerification`.

    username: The name others see; unique.
    first_name: Given name; null takes it away.
    last_name: Family name; null takes it away.
    user_profile: What they do and are interested in, for others to read; null takes it away.
    newsletter_subscription: Whether they want the newsletter.
    notifications_delivery_methods: How they want to be notified. Mails are sent once the address is verified.
    notifications_declined: What they do not want to be told of; ACCOUNT and MODERATION are told to everybody.
    """
    changes = given(
        username=username,
        first_name=first_name,
        last_name=last_name,
        user_profile=user_profile,
        newsletter_subscription=newsletter_subscription,
        notifications_delivery_methods=notifications_delivery_methods,
        notifications_declined=notifications_declined,
    )
    async with info.context.writing() as session:
        return await settings.update_account(session, info.context.viewer, changes)


async def update_preferences(
    info: Info,
    time_format: strawberry.Maybe[TimeFormat] = None,
    date_format: strawberry.Maybe[DateFormat] = None,
    date_separator: strawberry.Maybe[DateSeparator] = None,
    datetime_separator: strawberry.Maybe[DatetimeSeparator] = None,
    decimal_separator: strawberry.Maybe[DecimalSeparator] = None,
) -> UserPreferences:
    """Changes what is given of the viewer's preferences and leaves the rest.

    time_format: Whether hours count to 12 or to 24.
    date_format: The order of day, month and year.
    date_separator: What stands between day, month and year.
    datetime_separator: What stands between a date and a time.
    decimal_separator: What stands before a number's fraction.
    """
    changes = given(
        time_format=time_format,
        date_format=date_format,
        date_separator=date_separator,
        datetime_separator=datetime_separator,
        decimal_separator=decimal_separator,
    )
    async with info.context.writing() as session:
        return await settings.update_preferences(session, info.context.viewer, changes)


async def request_account_deletion(info: Info) -> User:
    """Has the viewer's account deleted after some days, as a mail tells them.

    What others rely on stays and names nobody: datasets, models, trainings, published predictions.
    """
    async with info.context.writing() as session:
        return await deletion.request_account_deletion(session, info.context.viewer)


async def cancel_account_deletion(info: Info) -> User:
    """Keeps the viewer's account, which was to be deleted."""
    async with info.context.writing() as session:
        return await deletion.cancel_account_deletion(session, info.context.viewer)
