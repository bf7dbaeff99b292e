"""AI against people: what a model says of media whose classification a person made and somebody approved."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import CTE, ColumnElement, Select, Text, cast, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from app.database import ReadSession
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationType
from app.models.wildlife.species import Species

THRESHOLDS = tuple(step / 20 for step in range(20))
NOTHING = ObservationType.BLANK.value
LABELLED = (ObservationType.ANIMAL, ObservationType.HUMAN, ObservationType.VEHICLE)


@dataclass(frozen=True)
class ConfusionCell:
    """Media that people gave one label, and the model another or the same."""

    truth: str
    predicted: str
    count: int


@dataclass(frozen=True)
class ThresholdFigures:
    """How good a label is when only findings from this confidence on count.

    precision = TP / (TP + FP), recall = TP / (TP + FN), f1 = 2 TP / (2 TP + FP + FN); null if nothing is there to
    divide by.
    """

    label: str
    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP)."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN)."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float | None:
        """2 TP / (2 TP + FP + FN)."""
        return _share(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)


@dataclass(frozen=True)
class Agreement:
    """A model compared with people, medium by medium."""

    # Media that both have classified.
    media: int
    accuracy: float | None
    confusion: Sequence[ConfusionCell]
    figures: Sequence[ThresholdFigures]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


async def agreement(
    session: ReadSession,
    project_id: int,
    provider_id: int,
    *,
    gold_only: bool,
    confidence_min: float,
    thresholds: Sequence[float],
) -> Agreement:
    """What a provider's current rows say of media whose approved row is a person's, or that are gold standard.

    A label is the accepted scientific name, or the observation type where no species is given; nothing of interest is
    BLANK.
    """
    pairs = _pairs(project_id, provider_id, gold_only=gold_only)
    truth, labels = _labels(pairs, pairs.c.truth_id).cte("truth"), _labels(pairs, pairs.c.ai_id).cte("answered")
    cells = [ConfusionCell(*row) for row in await session.execute(_confusion(pairs, truth, labels, confidence_min))]
    media = sum(cell.count for cell in cells)
    right = sum(cell.count for cell in cells if cell.truth == cell.predicted)
    figures = await _figures(session, truth, labels, thresholds)
    return Agreement(media, _share(right, media), cells, figures)


def _pairs(project_id: int, provider_id: int, *, gold_only: bool) -> CTE:
    final, truth, ai = aliased(Classification), aliased(Classification), aliased(Classification)
    query = (
        select(final.id.label("final_id"), truth.id.label("truth_id"), ai.id.label("ai_id"))
        .join(truth, truth.id == final.source_id)
        .join(ai, ai.final_id == final.id)
        .where(
            final.project_id == project_id,
            final.classification_type == ClassificationType.FINAL,
            final.is_approved,
            ~final.is_setup,
            ai.classification_type == ClassificationType.AI,
            ai.model_id == provider_id,
            ai.superseded_at.is_(None),
        )
    )
    # An approved row of AI says nothing about AI, unless a person has confirmed it as fully correct.
    is_truth: list[ColumnElement[bool]] = [final.is_gold_standard.is_(True)]
    if not gold_only:
        is_truth.append(truth.classification_type == ClassificationType.USER)
    return query.where(or_(*is_truth)).cte("pairs")


def _labels(pairs: CTE, row_id: ColumnElement[int]) -> Select[int, str, float, int]:
    """The labels that a row gives a medium, with the highest confidence and the number of individuals of each."""
    seen, named, accepted = aliased(ClassificationDynamicAttrs), aliased(Species), aliased(Species)
    name = func.coalesce(accepted.scientific_name, named.scientific_name, cast(seen.observation_type, Text))
    label = name.label("label")
    return (
        select(
            pairs.c.final_id,
            label,
            func.max(func.coalesce(seen.classification_confidence, 1)).label("confidence"),
            func.sum(seen.count).label("individuals"),
        )
        .join(seen, seen.classification_id == row_id)
        .outerjoin(named, named.id == seen.species_id)
        .outerjoin(accepted, accepted.id == named.accepted_id)
        .where(seen.observation_type.in_(LABELLED))
        .group_by(pairs.c.final_id, label)
    )


def _confusion(pairs: CTE, truth: CTE, predicted: CTE, confidence_min: float) -> Select[str, str, int]:
    """Each medium once: by the most numerous label of people, and by the surest of the model."""
    most = (
        select(truth.c.final_id, truth.c.label)
        .ext(distinct_on(truth.c.final_id))
        .order_by(truth.c.final_id, truth.c.individuals.desc(), truth.c.label)
        .subquery("most")
    )
    surest = (
        select(predicted.c.final_id, predicted.c.label)
        .ext(distinct_on(predicted.c.final_id))
        .where(predicted.c.confidence >= confidence_min)
        .order_by(predicted.c.final_id, predicted.c.confidence.desc(), predicted.c.label)
        .subquery("surest")
    )
    labels = func.coalesce(most.c.label, NOTHING), func.coalesce(surest.c.label, NOTHING)
    return (
        select(labels[0].label("truth"), labels[1].label("predicted"), func.count())
        .select_from(pairs)
        .outerjoin(most, most.c.final_id == pairs.c.final_id)
        .outerjoin(surest, surest.c.final_id == pairs.c.final_id)
        .group_by("truth", "predicted")
        .order_by("truth", "predicted")
    )


async def _figures(
    session: ReadSession, truth: CTE, predicted: CTE, thresholds: Sequence[float]
) -> list[ThresholdFigures]:
    """Presence of each label in each medium, at each threshold."""
    hits = (
        select(predicted.c.label, predicted.c.confidence, truth.c.final_id.is_not(None), func.count())
        .outerjoin(truth, (truth.c.final_id == predicted.c.final_id) & (truth.c.label == predicted.c.label))
        .group_by(predicted.c.label, predicted.c.confidence, truth.c.final_id.is_not(None))
    )
    there = select(truth.c.label, func.count()).group_by(truth.c.label)
    in_truth: dict[str, int] = dict((await session.execute(there)).all())
    findings: dict[str, list[tuple[float, bool, int]]] = defaultdict(list)
    for label, confidence, is_right, count in await session.execute(hits):
        findings[label].append((confidence, is_right, count))
    figures = []
    for label in sorted({*in_truth, *findings}):
        for threshold in thresholds:
            counted = [(right, count) for sure, right, count in findings[label] if sure >= threshold]
            positives = sum(count for right, count in counted if right)
            false = sum(count for right, count in counted if not right)
            figures.append(ThresholdFigures(label, threshold, positives, false, in_truth.get(label, 0) - positives))
    return figures
