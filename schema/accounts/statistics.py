"""What clients see of how much somebody has made."""

import strawberry

from app.services.accounts.users import statistics
from schema.row import shows


@shows(statistics.UserStatistics)
class UserStatistics:
    datasets_count: int = strawberry.field(description="Datasets they made.")
    models_count: int = strawberry.field(description="Models they made.")
    trainings_count: int = strawberry.field(description="Trainings they started.")
    predictions_count: int = strawberry.field(description="Predictions they started.")
    feedbacks_count: int = strawberry.field(description="How often they said of a prediction whether it is right.")
    approved_predictions_count: int = strawberry.field(description="Predicted features they hold to be right.")
    unread_notifications_count: int = strawberry.field(description="What they were told and have not read.")
    profile_completion_percentage: int = strawberry.field(
        description="25 for the account, 25 each for a picture, an e-mail address, and a verified one."
    )
