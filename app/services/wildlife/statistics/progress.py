"""How far a classification project is: media by the state of their classification."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from app.database import ReadSession
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.deployments import Deployment


@dataclass(frozen=True)
class Progress:
    """Media by state. `approved`, `classified`, `classifiedAi` and `unclassified` add up to `total`."""

    deployment_id: int | None
    name: str | None
    total: int
    # Approved by an approver.
    approved: int
    # Not approved, but classified by a person.
    classified: int
    # Neither, but classified by AI.
    classified_ai: int
    unclassified: int
    # Among all: what figures leave out.
    setup: int
    blank: int
    needs_review: int


async def progress(session: ReadSession, project_id: int) -> tuple[Progress, Sequence[Progress]]:
    """That of the project, and of each deployment by name; media without a deployment come last."""
    final = Classification
    open_ = ~final.is_approved
    numbers = {
        "total": func.count(),
        "approved": func.count().filter(final.is_approved),
        "classified": func.count().filter(open_, final.is_classified),
        "classified_ai": func.count().filter(open_, ~final.is_classified, final.is_classified_ai),
        "unclassified": func.count().filter(open_, ~final.is_classified, ~final.is_classified_ai),
        "setup": func.count().filter(final.is_setup),
        "blank": func.count().filter(final.is_blank),
        "needs_review": func.count().filter(final.needs_review),
    }
    columns = [number.label(name) for name, number in numbers.items()]
    query = (
        select(final.deployment_id, func.min(Deployment.deployment_id).label("name"), *columns)
        .outerjoin(Deployment, Deployment.id == final.deployment_id)
        .where(final.project_id == project_id, final.classification_type == ClassificationType.FINAL)
        .group_by(final.deployment_id)
        .order_by(func.min(Deployment.deployment_id).asc().nulls_last(), final.deployment_id)
    )
    rows = [Progress(**row) for row in (await session.execute(query)).mappings()]
    sums = {name: sum(getattr(row, name) for row in rows) for name in numbers}
    return Progress(None, None, **sums), rows
