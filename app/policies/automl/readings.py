"""Who may see how a table is read."""

from sqlalchemy import ColumnElement, true

from app.models.automl.readings import TableReading
from app.policies import AnyViewer, names_viewer, reads


@reads(TableReading)
def visible_table_readings(viewer: AnyViewer) -> ColumnElement[bool]:
    """For who uploaded the table, and for staff."""
    return true() if viewer.is_staff else names_viewer(viewer, TableReading.user_id)
