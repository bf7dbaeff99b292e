"""What posts may be about."""

from typing import Annotated

import strawberry

from schema.mapping.datasets import Dataset
from schema.mapping.trainings import Model, Training

Subject = Annotated[
    Model | Training | Dataset, strawberry.union("Subject", description="An object that a post may be about.")
]
