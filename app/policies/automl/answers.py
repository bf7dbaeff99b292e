"""Who may ask a machine."""

from sqlalchemy import ColumnElement, or_

from app.models.automl.machines import Machine
from app.policies import AnyViewer
from app.policies.automl.machines import sees_inside


def may_be_asked_by(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer may ask a machine that they see: those who use it, staff, and everybody if it is public."""
    return or_(Machine.machine_api_solving_is_public, sees_inside(viewer))
