"""Problems of camera-trap projects alone."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from app.services.wildlife.classifications import errors
from schema.problems import Problem, shows_error

if TYPE_CHECKING:
    from schema.wildlife.classifications.types import Classification


@shows_error(errors.StaleClassification)
@strawberry.type(description="The medium was changed since the caller looked at it.")
class StaleClassification(Problem):
    """Shows errors.StaleClassification."""

    present: Annotated["Classification", strawberry.lazy("schema.wildlife.classifications.types")] = strawberry.field(
        description="The FINAL as it is now, with its version."
    )
