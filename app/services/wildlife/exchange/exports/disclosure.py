"""What exports disclose of places where a sensitive species was seen.

Unless an export is to be exact, such places are on the grid that all but members see, and everything that people
wrote by hand, or that may hold a name of the place, is left out or replaced: ids, names, paths and comments.
"""

from app.policies.wildlife.places import COARSE_DEGREES, COARSE_M

HIDDEN = "(%(coarsen_sensitive)s AND location.is_sensitive)"
POINT = f"CASE WHEN {HIDDEN} THEN ST_SnapToGrid(location.point, {COARSE_DEGREES}) ELSE location.point END"
DEPLOYMENT_ID = f"CASE WHEN {HIDDEN} THEN 'sensitive-' || deployment.id ELSE deployment.deployment_id END"
LOCATION_ID = f"CASE WHEN {HIDDEN} THEN 'sensitive-' || location.id ELSE location.location_id END"
GENERALIZATION = f"coordinates of a sensitive species, given to {COARSE_DEGREES} degrees"
GENERALIZED = f"CASE WHEN {HIDDEN} THEN '{GENERALIZATION}' END"
# Rounding to some decimals moves a point by up to half a step in both directions: 78,716 m at whole degrees.
ROUNDED_M = "CASE WHEN %(decimals)s < 5 THEN 78716 / power(10, %(decimals)s) ELSE 0 END"
UNCERTAINTY = f"""CASE WHEN {HIDDEN} OR %(decimals)s < 5 OR location.coordinate_uncertainty IS NOT NULL
    THEN greatest(1, ceil(greatest(coalesce(location.coordinate_uncertainty, 0),
        CASE WHEN {HIDDEN} THEN {COARSE_M} ELSE 0 END) + {ROUNDED_M}))::int END"""


def unless_hidden(expression: str) -> str:
    """A value that is left out of sensitive places."""
    return f"CASE WHEN NOT {HIDDEN} THEN {expression} END"
