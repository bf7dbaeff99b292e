"""Changes to the viewer's own account."""

import strawberry

from app.models.accounts import User, UserPreferences
from app.models.choices import (
    DateFormat,
    DateSeparator,
    DatetimeSeparator,
    DecimalSeparator,
    DeliveryMethod,
    TimeFormat,
)
from app.models.kinds import NotificationKind
from app.services.accounts.users import deletion, settings
from resolvers.context import Info
from resolvers.optional_arguments import provided


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
    """Updates the given fields of the viewer's account. To change the email address, use `requestEmailVerification`.

    username: The public username; unique. It can be changed {settings.username_changes_max} times in
        {settings.username_reserved_days} days, in which a former one stays reserved for its owner.
    first_name: Given name; null clears it.
    last_name: Family name; null clears it.
    user_profile: Public text about the user's work and interests; null clears it.
    newsletter_subscription: Whether to receive the newsletter.
    notifications_delivery_methods: How to deliver notifications. Email is sent only to a verified address.
    notifications_declined: Notification categories to turn off. ACCOUNT and MODERATION are always delivered.
    """
    changes = provided(
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
    """Updates the given preferences of the viewer.

    time_format: 12-hour or 24-hour clock.
    date_format: The order of day, month and year.
    date_separator: The separator between day, month and year.
    datetime_separator: The separator between date and time.
    decimal_separator: The decimal separator.
    """
    changes = provided(
        time_format=time_format,
        date_format=date_format,
        date_separator=date_separator,
        datetime_separator=datetime_separator,
        decimal_separator=decimal_separator,
    )
    async with info.context.writing() as session:
        return await settings.update_preferences(session, info.context.viewer, changes)


async def request_account_deletion(info: Info) -> User:
    """Schedules the deletion of the viewer's account. An email states the date.

    Content that other users rely on stays, without the user's name: datasets, models, trainings, published predictions.
    """
    async with info.context.writing() as session:
        return await deletion.request_account_deletion(session, info.context.viewer)


async def cancel_account_deletion(info: Info) -> User:
    """Cancels the scheduled deletion of the viewer's account."""
    async with info.context.writing() as session:
        return await deletion.cancel_account_deletion(session, info.context.viewer)
