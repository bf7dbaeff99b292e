"""Where places are shown to be: coarsely to all but members, where a species that is marked sensitive was seen."""

from typing import Any

from sqlalchemy import ColumnElement, Float, Select, case, func, literal, or_, select, true, type_coerce
from sqlalchemy.orm import aliased

from app.geometry import Shape
from app.models.wildlife.classifications import Classification
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.species import Species
from app.policies import AnyViewer
from app.policies.wildlife.projects import is_member

COARSE_DEGREES = 0.1
"""About 11 km, the side of a cell that a sensitive place is somewhere in."""
COARSE_M = 11_132.0


def _sensitive_places() -> Select[int]:
    """Locations where anybody or any model says that a sensitive species was, or one that is part of a sensitive taxon.

    It begins with these species, which are few, and does not depend on the row.
    """
    part = select(Species.id).where(Species.is_sensitive).cte("sensitive", recursive=True)
    below = aliased(Species)
    every = part.union(select(below.id).join(part, or_(below.parent_id == part.c.id, below.accepted_id == part.c.id)))
    return (
        select(Deployment.location_id)
        .join(Resource, Resource.deployment_id == Deployment.id)
        .join(Classification, Classification.resource_id == Resource.id)
        .join(ClassificationDynamicAttrs, ClassificationDynamicAttrs.classification_id == Classification.id)
        .where(ClassificationDynamicAttrs.species_id.in_(select(every.c.id)))
        .correlate(None)
    )


def may_see_exact_place(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer sees exactly where a location is: members and staff; others if nothing sensitive was there."""
    if viewer.is_staff:
        return true()
    return or_(is_member(viewer, Location.research_project_id), Location.id.not_in(_sensitive_places()))


def shown_point(viewer: AnyViewer) -> ColumnElement[Any]:
    """The point of a location as the viewer sees it: exact, or on a grid of a tenth of a degree."""
    coarse = func.ST_SnapToGrid(Location.point, COARSE_DEGREES)
    shown = case((may_see_exact_place(viewer), Location.point), else_=coarse)
    return type_coerce(shown, Shape("POINT"))


def shown_uncertainty(viewer: AnyViewer) -> ColumnElement[Any]:
    """The uncertainty of the point that the viewer sees, in metres."""
    coarse = func.greatest(Location.coordinate_uncertainty, literal(COARSE_M, Float))
    return case((may_see_exact_place(viewer), Location.coordinate_uncertainty), else_=coarse)
