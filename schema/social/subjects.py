"""What posts may be about."""

from typing import TYPE_CHECKING, Annotated, Any, Union

import strawberry

from app.discovery import import_modules
from app.models.subjects import subjects
from schema.row import Row

import_modules("schema")  # the types of all other domains
SUBJECTS: dict[type[Row], Any] = {
    row: table for row in Row.__subclasses__() for table in subjects() if row.__name__ == table.__name__
}

if TYPE_CHECKING:
    Subject = Row
else:
    Subject = Annotated[
        Union[tuple(SUBJECTS)],  # noqa: UP007 -- known only now
        strawberry.union("Subject", description="An object that a post may be about."),
    ]
