"""What posts may be about, for clients."""

from typing import Annotated

import strawberry

from schema.mapping.datasets import Dataset
from schema.mapping.trainings import Model, Training

Subject = Annotated[
    Model | Training | Dataset, strawberry.union("Subject", description="What people talk about with each other.")
]
