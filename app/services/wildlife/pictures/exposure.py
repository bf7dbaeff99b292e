"""What of a medium may leave its project: shown, blurred or withheld, by the rules of its classification projects.

It fails closed. A medium is withheld until an approved classification says what it shows, because nobody else can know
whether it shows a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from app.database import ReadSession
from app.models.wildlife.classification_projects import ClassificationProject, Exposure
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationType

WHOLE = [0.0, 0.0, 1.0, 1.0]
STRICTEST = (Exposure.WITHHELD, Exposure.BLURRED, Exposure.SHOWN)


@dataclass(frozen=True)
class Shown:
    """How a medium is shown to those who do not belong to its project, and which boxes are blurred."""

    exposure: Exposure
    hidden: Sequence[Sequence[float]] = ()


WITHHELD = Shown(Exposure.WITHHELD)


async def exposure_of(session: ReadSession, resource: Resource) -> Shown:
    """How a medium is shown outside its project."""
    projects = (
        await session.execute(
            select(ClassificationProject.humans, ClassificationProject.vehicles, Classification.is_approved)
            .join(Classification, Classification.project_id == ClassificationProject.id)
            .where(
                Classification.resource_id == resource.id,
                Classification.classification_type == ClassificationType.FINAL,
            )
        )
    ).all()
    if not any(is_approved for _, _, is_approved in projects):
        return WITHHELD
    boxes = await _sensitive_boxes(session, resource.id)
    rules = {
        ObservationType.HUMAN: (resource.contains_people, {humans for humans, _, _ in projects}),
        ObservationType.VEHICLE: (resource.contains_vehicles, {vehicles for _, vehicles, _ in projects}),
    }
    exposures, hidden = [Exposure.SHOWN], list[Sequence[float]]()
    for kind, (is_known, chosen) in rules.items():
        if kind not in boxes and not is_known:
            continue
        exposure = next(each for each in STRICTEST if each in chosen)
        exposures.append(exposure)
        if exposure is Exposure.BLURRED:
            hidden += _hidden(resource, boxes.get(kind, []))
    return Shown(next(each for each in STRICTEST if each in exposures), hidden)


def _hidden(resource: Resource, boxes: Sequence[Sequence[float] | None]) -> list[Sequence[float]]:
    """The boxes to blur; the whole picture if one is unknown, or if what they are about moves."""
    known = [box for box in boxes if box]
    if resource.resource_type is not ResourceType.IMAGE or not known or len(known) < len(boxes):
        return [WHOLE]
    return known


async def _sensitive_boxes(
    session: ReadSession, resource_id: int
) -> dict[ObservationType, list[Sequence[float] | None]]:
    """Boxes of people and vehicles by anybody's current answer: a false alarm blurs more, and reveals nothing."""
    row, final = aliased(Classification), aliased(Classification)
    seen = ClassificationDynamicAttrs
    rows = (
        select(seen.observation_type, seen.bboxes)
        .join(row, row.id == seen.classification_id)
        .outerjoin(final, final.id == row.final_id)
        .where(
            seen.resource_id == resource_id,
            seen.observation_type.in_((ObservationType.HUMAN, ObservationType.VEHICLE)),
            or_(row.superseded_at.is_(None), final.source_id == row.id),
        )
    )
    boxes: dict[ObservationType, list[Sequence[float] | None]] = {}
    for kind, box in await session.execute(rows):
        boxes.setdefault(kind, []).append(box)
    return boxes
