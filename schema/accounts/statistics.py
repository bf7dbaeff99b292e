"""GraphQL types for a user's statistics."""

import strawberry

from app.services.accounts.users import statistics
from schema.row import shows


@shows(statistics.UserStatistics)
class UserStatistics:
    datasets_count: int = strawberry.field(description="The number of datasets created.")
    models_count: int = strawberry.field(description="The number of models created.")
    trainings_count: int = strawberry.field(description="The number of trainings started.")
    predictions_count: int = strawberry.field(description="The number of predictions started.")
    feedbacks_count: int = strawberry.field(description="The number of feedback entries on predictions.")
    approved_predictions_count: int = strawberry.field(description="The number of predictions approved.")
    unread_notifications_count: int = strawberry.field(description="The number of unread notifications.")
    profile_completion_percentage: int = strawberry.field(
        description="How complete the profile is, in percent: 25 each for the account, a picture, an email address and "
        "its verification."
    )
