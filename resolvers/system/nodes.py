"""Finding things by their ids."""

import asyncio

import strawberry

from app.errors import BadRequest
from app.models.base import Record
from app.models.social import Report
from app.models.system import AuditEntry, UserNotification
from app.settings import settings
from resolvers.context import Info
from resolvers.ids import decode, nothing_with
from resolvers.loaders import RowOrReference

SHOWN: dict[str, type[Record]] = {}
"""The tables that have a GraphQL type, by its name; `schema.row` fills it."""


def _model(id: str) -> type[Record]:
    name, _ = decode(id)
    if name not in SHOWN:
        raise nothing_with(id)
    return SHOWN[name]


async def node(info: Info, id: strawberry.ID) -> RowOrReference[Record]:
    """Anything by its id.

    id: Its id.
    """
    return await info.context.find(_model(id), id)


async def nodes(info: Info, ids: list[strawberry.ID]) -> list[RowOrReference[Record] | BaseException]:
    """Many things by their ids, in this order; null, with an error, where there is nothing.

    ids: Their ids, at most 100.
    """
    if len(ids) > settings.nodes_max:
        raise BadRequest(f"Ask for at most {settings.nodes_max} at a time; these are {len(ids)}.")
    return await asyncio.gather(*(node(info, id) for id in ids), return_exceptions=True)


async def subject(
    root: strawberry.Parent[UserNotification | AuditEntry | Report], info: Info
) -> RowOrReference[Record] | None:
    """What it is about, if that is still there and may be seen."""
    model = SHOWN.get(root.subject_type or "")
    return None if model is None or root.subject_key is None else await info.context.load.one(model, root.subject_key)
