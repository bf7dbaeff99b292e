"""Where places are shown to be."""

from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, true, type_coerce
from sqlalchemy.sql.sqltypes import Float

from app.geometry import Shape
from app.models.wildlife.deployments import Location
from app.policies import AnyViewer
from app.policies.wildlife.projects import is_member


def may_see_exact_place(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer sees exactly where a location is: members of the project and staff."""
    return true() if viewer.is_staff else is_member(viewer, Location.research_project_id)


COARSE_DEGREES = 0.1
COARSE_M = 11_132.0


def shown_point(viewer: AnyViewer) -> ColumnElement[Any]:
    """The point of a location as the viewer sees it: on a grid of a tenth of a degree for all but members."""
    coarse = func.ST_SnapToGrid(Location.point, COARSE_DEGREES)
    shown = case((may_see_exact_place(viewer), Location.point), else_=coarse)
    return type_coerce(shown, Shape("POINT"))


def shown_uncertainty(viewer: AnyViewer) -> ColumnElement[Any]:
    """The uncertainty of the point that the viewer sees, in metres."""
    coarse = func.greatest(Location.coordinate_uncertainty, literal(COARSE_M, Float))
    return case((may_see_exact_place(viewer), Location.coordinate_uncertainty), else_=coarse)
