"""Labels that AI confidently contradicts: slips of people, such as a boar that was filed as a bird."""

from sqlalchemy import ColumnElement, exists, func
from sqlalchemy.orm import aliased

from app import checks
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs


def contradicted(
    project_id: int, *, provider_id: int | None = None, confidence_min: float
) -> list[ColumnElement[bool]]:
    """The conditions: approved FINAL rows that show a species, with an AI row that is sure of an unrelated one."""
    least = checks.within("confidenceMin", confidence_min, 0, 1)
    final, answer = Classification, aliased(Classification)
    label, other = aliased(ClassificationDynamicAttrs), aliased(ClassificationDynamicAttrs)
    of_ai = [
        answer.final_id == final.id,
        answer.classification_type == ClassificationType.AI,
        answer.superseded_at.is_(None),
        other.classification_id == answer.id,
        other.classification_confidence >= least,
        other.species_id.is_not(None),
    ]
    if provider_id is not None:
        of_ai.append(answer.model_id == provider_id)
    agrees = exists().where(label.shown_by_id == final.id, func.are_related_taxa(label.species_id, other.species_id))
    return [
        final.project_id == project_id,
        final.classification_type == ClassificationType.FINAL,
        final.is_approved.is_(True),
        exists().where(label.shown_by_id == final.id, label.species_id.is_not(None)),
        exists().where(*of_ai, ~agrees.correlate(final, other)),
    ]
