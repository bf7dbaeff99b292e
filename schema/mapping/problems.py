"""Problems of the mapping domain alone."""

import strawberry

from app.services.mapping.trainings import errors
from schema.problems import Problem, shows_error


@shows_error(errors.AccuracyTooLow)
@strawberry.type(description="The training's accuracy is too low to publish it.")
class AccuracyTooLow(Problem):
    """Shows errors.AccuracyTooLow."""

    accuracy: float | None = strawberry.field(description="The accuracy of the training, in percent.")
    required: float = strawberry.field(description="The accuracy needed to publish, in percent.")
