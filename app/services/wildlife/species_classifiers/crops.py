"""Which crops a classifier learns from: boxes of animals on approved media, with the species that was approved."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Select, func, select

from app.database import ReadSession
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource, ResourceStatus, ResourceType
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationLevel, ObservationType
from app.models.wildlife.species import Species
from app.settings import settings

Attrs = ClassificationDynamicAttrs
SEEN = (ResourceType.IMAGE, ResourceType.VIDEO)
# A synonym counts as the taxon that it stands for.
TAXON = func.coalesce(Species.accepted_id, Species.id)


@dataclass(frozen=True)
class LabelledMedium:
    """A medium with its labelled boxes, as the engine takes them."""

    resource_id: int
    storage_key: str
    is_video: bool
    location: str
    event: str
    objects: list[dict[str, Any]] = field(default_factory=list)


def _crops(project_id: int, *, gold_standard_only: bool) -> Select[Any]:
    final = Classification
    wanted = (
        select(TAXON.label("species_id"))
        .select_from(final)
        .join(Attrs, Attrs.shown_by_id == final.id)
        .join(Resource, Resource.id == final.resource_id)
        .join(Species, Species.id == Attrs.species_id)
        .where(
            final.project_id == project_id,
            final.classification_type == ClassificationType.FINAL,
            final.is_approved,
            ~final.is_setup,
            Attrs.observation_type == ObservationType.ANIMAL,
            Attrs.observation_level == ObservationLevel.OBJECT,
            Attrs.bboxes.is_not(None),
            Resource.status == ResourceStatus.READ,
            Resource.resource_type.in_(SEEN),
        )
    )
    return wanted.where(final.is_gold_standard) if gold_standard_only else wanted


async def counted(session: ReadSession, project_id: int, *, gold_standard_only: bool) -> dict[int, int]:
    """The number of crops of each species."""
    crops = _crops(project_id, gold_standard_only=gold_standard_only).subquery()
    rows = select(crops.c.species_id, func.count()).group_by(crops.c.species_id)
    return dict((await session.execute(rows)).all())


async def chosen(
    session: ReadSession, project_id: int, species_ids: Sequence[int], *, gold_standard_only: bool, seed: int
) -> list[LabelledMedium]:
    """The media with their crops; of a species with very many crops, a random part of them."""
    crops = (
        _crops(project_id, gold_standard_only=gold_standard_only)
        .where(TAXON.in_(species_ids))
        .outerjoin(Deployment, Deployment.id == Resource.deployment_id)
        .add_columns(
            Attrs.bboxes,
            Attrs.first_frame_index,
            Attrs.individual_id,
            Resource.id.label("resource_id"),
            Resource.storage_key,
            Resource.resource_type,
            Resource.sequence_id,
            Deployment.location_id,
        )
        .order_by(Attrs.id)
    )
    rows = (await session.execute(crops)).all()
    labels = {species_id: label for label, species_id in enumerate(species_ids)}
    media: dict[int, LabelledMedium] = {}
    for row in _sampled(rows, seed):
        medium = media.setdefault(row.resource_id, _medium(row))
        medium.objects.append(
            {
                "id": len(medium.objects),
                "frame": row.first_frame_index,
                "box": row.bboxes,
                "label": labels[row.species_id],
                "individual": row.individual_id,
            }
        )
    return list(media.values())


def _medium(row: Any) -> LabelledMedium:
    # Media without a place are taken for one place, so that they are never on both sides.
    place = "unknown" if row.location_id is None else str(row.location_id)
    event = f"medium {row.resource_id}" if row.sequence_id is None else str(row.sequence_id)
    is_video = row.resource_type is ResourceType.VIDEO
    return LabelledMedium(row.resource_id, row.storage_key, is_video, place, event)


def _sampled(rows: Sequence[Any], seed: int) -> list[Any]:
    by_species: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_species[row.species_id].append(number)
    random, most = np.random.default_rng(seed), settings.species_crops_per_class_max
    kept: set[int] = set()
    for numbers in by_species.values():
        kept.update(numbers if len(numbers) <= most else random.choice(numbers, most, replace=False).tolist())
    return [row for number, row in enumerate(rows) if number in kept]


async def classes_of(session: ReadSession, species_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The classes with the taxa above them, from below; a taxon that has a row of its own has its key."""
    rows = {row.id: row for row in await session.scalars(select(Species).where(Species.id.in_(species_ids)))}
    names = {name for row in rows.values() for _, name in _above(row)}
    known = await session.scalars(
        select(Species).where(Species.scientific_name.in_(names), Species.accepted_id.is_(None))
    )
    keys = {(row.rank.name, row.scientific_name): str(row.id) for row in known}
    return [
        {
            "key": str(id),
            "name": rows[id].scientific_name,
            "rank": rows[id].rank.name,
            "lineage": [
                {"key": keys.get((rank, name)), "name": name, "rank": rank}
                for rank, name in _above(rows[id])
                if rank != rows[id].rank.name
            ],
        }
        for id in species_ids
    ]


def _above(row: Species) -> list[tuple[str, str]]:
    ranks = (
        ("GENUS", row.genus),
        ("FAMILY", row.family),
        ("ORDER", row.order_name),
        ("CLASS", row.class_name),
    )
    return [(rank, name) for rank, name in ranks if name]


async def names_of(session: ReadSession, species_ids: Sequence[int]) -> dict[int, str]:
    """Scientific names by key."""
    rows = select(Species.id, Species.scientific_name).where(Species.id.in_(species_ids))
    return dict((await session.execute(rows)).all())


def by_name(counts: dict[int, int], names: dict[int, str]) -> dict[str, int]:
    """Counts by scientific name, the largest first."""
    total: Counter[str] = Counter()
    for species_id, count in counts.items():
        total[names[species_id]] += count
    return dict(total.most_common())
