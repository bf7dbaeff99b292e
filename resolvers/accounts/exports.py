"""Archives of a user's personal data."""

import strawberry
from sqlalchemy import Select

from app.models.accounts import DataExport
from app.policies import signed_in, visible
from app.services.accounts.users import data_exports as data_exports_service
from resolvers.context import Info


def data_exports(info: Info) -> Select[DataExport]:
    """The viewer's data exports, until they are removed."""
    signed_in(info.context.viewer)
    return visible(DataExport, info.context.viewer)


def export_link(root: strawberry.Parent[DataExport], info: Info) -> str | None:
    """A download link, valid for {settings.file_link_s}. Null until the export is ready."""
    return data_exports_service.export_link(info.context.viewer, root)


async def export_my_data(info: Info) -> DataExport:
    """Starts an export of all the viewer's data: a ZIP file with JSON, GeoJSON and pictures."""
    async with info.context.writing() as session:
        return await data_exports_service.export_my_data(session, info.context.viewer)
