"""Objects by their ids."""

import asyncio

import strawberry

from app.errors import BadRequest
from app.models.base import Record
from app.models.reports import Report
from app.models.system import AuditEntry, UserNotification
from app.settings import settings
from resolvers.context import Info
from resolvers.ids import decode, nothing_with
from resolvers.loaders import RowOrReference

SHOWN: dict[str, type[Record]] = {}
"""The tables with a GraphQL type, by its name; `schema.row` fills it."""


def _model(id: str) -> type[Record]:
    name, _ = decode(id)
    if name not in SHOWN:
        raise nothing_with(id)
    return SHOWN[name]


async def node(info: Info, id: strawberry.ID) -> RowOrReference[Record]:
    """Any object by its id.

    id: The id of the object.
    """
    return await info.context.find(_model(id), id)


async def nodes(info: Info, ids: list[strawberry.ID]) -> list[RowOrReference[Record] | BaseException]:
    """Many objects by their ids, in the same order. An id that is not found gives null and an error.

    ids: The ids, at most {settings.nodes_max}.
    """
    if len(ids) > settings.nodes_max:
        raise BadRequest(f"Request at most {settings.nodes_max} ids at a time; this has {len(ids)}.")
    return await asyncio.gather(*(node(info, id) for id in ids), return_exceptions=True)


async def subject(
    root: strawberry.Parent[UserNotification | AuditEntry | Report], info: Info
) -> RowOrReference[Record] | None:
    """The object concerned; null if it was deleted or the viewer may not see it."""
    model = SHOWN.get(root.subject_type or "")
    return None if model is None or root.subject_key is None else await info.context.load.one(model, root.subject_key)
