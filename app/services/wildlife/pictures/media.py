"""Pictures of media behind signed links: with their boxes drawn, or as outsiders may see them.

The link asks each time what its holder may see now: members see everything, others what the rules of the project leave.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app import parsing, pictures
from app.database import ReadSession
from app.errors import Expired
from app.gateways import storage
from app.models.wildlife.classification_projects import Exposure
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.species import Species
from app.pictures import annotation
from app.pictures.previews import PREVIEW_SIDE
from app.policies import Viewer
from app.policies.wildlife.projects import is_member
from app.services import links
from app.services.wildlife.pictures.exposure import Shown, exposure_of
from app.settings import settings

ROUTE = "pictures"
ANNOTATED = links.Kind("annotated-picture", ROUTE, Resource)
SHARED = links.Kind("shared-picture", ROUTE, Resource)
WHOLE = Shown(Exposure.SHOWN)


async def annotated_link(
    session: ReadSession, viewer: Viewer, resource: Resource, project_id: int | None
) -> str | None:
    """A link to the picture with its boxes; None if there is none, or if it is withheld from the viewer."""
    return await _link(session, ANNOTATED, viewer, resource, project_id)


async def shared_link(session: ReadSession, viewer: Viewer, resource: Resource, side: int) -> str | None:
    """A link to the picture as the viewer may see it; None if there is none, or if it is withheld."""
    return await _link(session, SHARED, viewer, resource, min(side, PREVIEW_SIDE))


async def _link(
    session: ReadSession, kind: links.Kind, viewer: Viewer, resource: Resource, fact: int | None
) -> str | None:
    if resource.preview_key is None:
        return None
    shown = await _shown_to(session, viewer, resource)
    return None if shown.exposure is Exposure.WITHHELD else links.signed(kind, viewer, resource.id, fact)


async def belongs_to_project(session: ReadSession, viewer: Viewer, resource: Resource) -> bool:
    """Whether the viewer is a member of the medium's research project, or staff."""
    belongs = select(is_member(viewer, Resource.research_project_id)).where(Resource.id == resource.id)
    return bool(await session.scalar(belongs))


async def _shown_to(session: ReadSession, viewer: Viewer, resource: Resource) -> Shown:
    return WHOLE if await belongs_to_project(session, viewer, resource) else await exposure_of(session, resource)


async def picture(session: ReadSession, opened: links.Opened) -> tuple[str, list[Any]]:
    """Where the picture of a link is kept, and the arguments to draw it with. Expired if it is withheld by now."""
    resource: Resource = opened.row
    shown = await _shown_to(session, opened.holder, resource)
    if shown.exposure is Exposure.WITHHELD or resource.preview_key is None:
        raise Expired(links.GONE)
    [fact] = opened.facts
    hidden = [list(box) for box in shown.hidden]
    if opened.kind is SHARED:
        return resource.preview_key, [[], hidden, fact]
    marks = await _marks(session, resource.id, fact, approved_only=shown is not WHOLE)
    return resource.preview_key, [marks, hidden, PREVIEW_SIDE]


async def drawn(key: str, arguments: Sequence[Any]) -> bytes:
    """The file, drawn in a child."""
    result = await parsing.run(
        annotation.annotated,
        "picture",
        await storage.get(key),
        pictures.MEDIA_TYPE,
        *arguments,
        settings.medium_pixels_max,
        field="picture",
    )
    return bytes(result[0])


async def _marks(
    session: ReadSession, resource_id: int, project_id: int | None, *, approved_only: bool
) -> list[list[Any]]:
    """Boxes with labels and confidences: those that the FINAL shows, of one project or of the newest that has any."""
    final, seen, named = aliased(Classification), ClassificationDynamicAttrs, aliased(Species)
    rows = (
        select(final.project_id, seen.bboxes, seen.observation_type, named.scientific_name,
               seen.classification_confidence)
        .join(seen, seen.shown_by_id == final.id)
        .outerjoin(named, named.id == seen.species_id)
        .where(
            final.resource_id == resource_id,
            final.classification_type == ClassificationType.FINAL,
            func.jsonb_array_length(seen.bboxes) > 0,
        )
        .order_by(final.project_id.desc(), seen.id)
        .limit(settings.observations_per_classification_max)
    )  # fmt: skip
    if project_id is not None:
        rows = rows.where(final.project_id == project_id)
    if approved_only:
        rows = rows.where(final.is_approved)
    marks = (await session.execute(rows)).all()
    newest = marks[0][0] if marks else None
    return [
        [box, kind.value.lower(), name or kind.value.lower(), confidence]
        for of_project, box, kind, name, confidence in marks
        if of_project == newest
    ]
