"""Where places are shown to be: coarsely to all but members, where a species that is marked sensitive was seen."""

from typing import Any

from sqlalchemy import ColumnElement, Float, case, func, literal, true, type_coerce

from app.geometry.columns import Shape
from app.models.wildlife.deployments import Location
from app.policies import AnyViewer
from app.policies.wildlife.projects import is_member

COARSE_DEGREES = 0.1
"""About 11 km, the side of a cell that a sensitive place is somewhere in."""
COARSE_M = 11_132.0


def may_see_exact_place(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer sees exactly where a location is: members and staff; others if nothing sensitive was there.

    The database keeps whether anybody or any model recorded a sensitive species there, or a part of a sensitive
    taxon: in the transaction that says so.
    """
    if viewer.is_staff:
        return true()
    return ~Location.is_sensitive | is_member(viewer, Location.research_project_id)


def shown_point(viewer: AnyViewer) -> ColumnElement[Any]:
    """The point of a location as the viewer sees it: exact, or on a grid of a tenth of a degree."""
    coarse = func.ST_SnapToGrid(Location.point, COARSE_DEGREES)
    shown = case((may_see_exact_place(viewer), Location.point), else_=coarse)
    return type_coerce(shown, Shape("POINT"))


def shown_uncertainty(viewer: AnyViewer) -> ColumnElement[Any]:
    """The uncertainty of the point that the viewer sees, in metres."""
    coarse = func.greatest(Location.coordinate_uncertainty, literal(COARSE_M, Float))
    return case((may_see_exact_place(viewer), Location.coordinate_uncertainty), else_=coarse)
