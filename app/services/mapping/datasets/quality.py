"""Dataset quality: problems visible in the rows at once, and in the imagery by a job."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from geoalchemy2 import Geography
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Select, cast, func, literal, select
from sqlalchemy.orm import aliased

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Invalid, NotFound
from app.gateways import imagery
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI, Dataset, DownloadStatus, Label
from app.models.mapping.inspections import Inspection
from app.models.mapping.trainings import TrainingStatus
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_train_on_this_dataset
from app.queue import enqueue
from app.services.mapping.trainings.lifecycle import check_tiles
from app.services.mapping.trainings.progress import begin, fail, finish, note, warning
from app.settings import settings


class QualityWarningKind(Enum):
    """A problem that may harm a training.

    AREA_WITHOUT_LABELS: An area has no labels.
    LABELS_OUTSIDE_AREA: Labels lie outside of all areas.
    AREA_TINY: An area is very small.
    AREA_HUGE: An area is very large.
    AREAS_OVERLAP: Areas overlap.
    IMAGERY_MISSING: Imagery is missing in an area.
    LABELS_MISALIGNED: Labels are shifted against the imagery.
    """

    AREA_WITHOUT_LABELS = "AREA_WITHOUT_LABELS"
    LABELS_OUTSIDE_AREA = "LABELS_OUTSIDE_AREA"
    AREA_TINY = "AREA_TINY"
    AREA_HUGE = "AREA_HUGE"
    AREAS_OVERLAP = "AREAS_OVERLAP"
    IMAGERY_MISSING = "IMAGERY_MISSING"
    LABELS_MISALIGNED = "LABELS_MISALIGNED"


Kind = QualityWarningKind
Concerned = Sequence[tuple[int, int]]
"""The areas a warning concerns, each with its count."""

MESSAGES = {
    Kind.AREA_WITHOUT_LABELS: "{count} areas have no labels yet. Fetch or draw them, or remove the areas.",
    Kind.LABELS_OUTSIDE_AREA: "{count} labels do not overlap their area, so trainings skip them. Move or delete them.",
    Kind.AREA_TINY: "{count} areas are smaller than {tiny_m2:g} m², which is too small for training. Enlarge them.",
    Kind.AREA_HUGE: "{count} areas are larger than {huge_m2:g} m². Make sure that everything within them is labelled.",
    Kind.AREAS_OVERLAP: "{count} areas overlap others, and may lack each other's labels. Merge or shrink them.",
    Kind.IMAGERY_MISSING: "{count} tiles have no imagery, so trainings skip them. Choose other imagery or areas.",
    Kind.LABELS_MISALIGNED: "Labels are about {shift_m:.1f} m away from the imagery. Change the offset to align them.",
}


@dataclass(frozen=True)
class QualityWarning:
    """A warning, and the areas it concerns."""

    kind: QualityWarningKind
    message: str
    count: int
    areas: Sequence[AOI]


@dataclass(frozen=True)
class DatasetQuality:
    """The quality of a dataset before training."""

    warnings: Sequence[QualityWarning]
    inspection: Inspection | None
    is_inspection_current: bool


@dataclass(frozen=True)
class InspectionPlan:
    """What a worker needs to inspect a dataset."""

    source_imagery: str
    zoom_level: int
    offset_m: Sequence[float]
    aois: Sequence[tuple[int, BaseGeometry]]
    labels: Sequence[BaseGeometry]


async def dataset_quality(session: ReadSession, viewer: Viewer, *, dataset_id: int) -> DatasetQuality:
    """All current warnings. Those about imagery come from the last inspection, while it is still valid."""
    dataset = await session.scalar(visible(Dataset, viewer).where(Dataset.id == dataset_id))
    if dataset is None:
        raise NotFound("There is no such dataset.")
    last = visible(Inspection, viewer).where(
        Inspection.dataset_id == dataset_id, Inspection.status == TrainingStatus.FINISHED
    )
    inspection: Inspection | None = await session.scalar(last.order_by(Inspection.id.desc()).limit(1))
    concerned: dict[Kind, Concerned] = {}
    for kind, rows in _QUESTIONS.items():
        concerned[kind] = [(aoi_id, count) for aoi_id, count in await session.execute(rows(dataset_id))]
    is_current = inspection is not None and _holds(inspection, dataset)
    if inspection is not None and is_current:
        concerned |= _seen_by(inspection)
    ids = {aoi_id for pairs in concerned.values() for aoi_id, _ in pairs}
    aois = {aoi.id: aoi for aoi in await session.scalars(visible(AOI, viewer).where(AOI.id.in_(ids)))}
    warnings = [_warning(kind, pairs, aois, inspection) for kind, pairs in concerned.items() if pairs]
    return DatasetQuality(warnings, inspection, is_current)


def _warning(kind: Kind, rows: Concerned, aois: Mapping[int, AOI], inspection: Inspection | None) -> QualityWarning:
    count = sum(count for _, count in rows)
    message = MESSAGES[kind].format(
        count=count,
        tiny_m2=settings.quality_area_m2_min,
        huge_m2=settings.quality_area_m2_max,
        shift_m=inspection.shift_m if inspection and inspection.shift_m else 0,
    )
    areas = [aois[aoi_id] for aoi_id, _ in rows if aoi_id in aois]
    return QualityWarning(kind, message, count, areas[: settings.page_size_max])


def _areas(dataset_id: int, condition: ColumnElement[bool]) -> Select[int, int]:
    """The areas of a dataset that meet a condition; each counts as one."""
    return select(AOI.id, literal(1)).where(AOI.dataset_id == dataset_id, condition).order_by(AOI.id)


def _without_labels(dataset_id: int) -> Select[int, int]:
    # An area that was fetched and found empty teaches what is not a building.
    is_unlabelled = ~select(Label.id).where(Label.aoi_id == AOI.id).exists()
    return _areas(dataset_id, is_unlabelled & (AOI.label_status != DownloadStatus.DOWNLOADED))


def _labels_outside(dataset_id: int) -> Select[int, int]:
    outside = select(AOI.id, func.count()).join(Label, Label.aoi_id == AOI.id)
    apart = ~func.ST_Intersects(AOI.geom, Label.geom)
    return outside.where(AOI.dataset_id == dataset_id, apart).group_by(AOI.id).order_by(AOI.id)


def _tiny(dataset_id: int) -> Select[int, int]:
    return _areas(dataset_id, func.ST_Area(cast(AOI.geom, Geography)) < settings.quality_area_m2_min)


def _huge(dataset_id: int) -> Select[int, int]:
    return _areas(dataset_id, func.ST_Area(cast(AOI.geom, Geography)) > settings.quality_area_m2_max)


def _overlapping(dataset_id: int) -> Select[int, int]:
    other = aliased(AOI)
    # Their interiors must meet: neighbours may share an edge.
    overlaps = func.ST_Relate(AOI.geom, other.geom, "T********")
    met = select(other.id).where(
        other.dataset_id == dataset_id, other.id != AOI.id, other.geom.op("&&")(AOI.geom), overlaps
    )
    return _areas(dataset_id, met.exists())


_QUESTIONS: dict[Kind, Callable[[int], Select[int, int]]] = {
    Kind.AREA_WITHOUT_LABELS: _without_labels,
    Kind.LABELS_OUTSIDE_AREA: _labels_outside,
    Kind.AREA_TINY: _tiny,
    Kind.AREA_HUGE: _huge,
    Kind.AREAS_OVERLAP: _overlapping,
}


def _holds(inspection: Inspection, dataset: Dataset) -> bool:
    """Whether imagery and offset are those of the inspection."""
    findings = inspection.findings or {}
    return inspection.source_imagery == dataset.source_imagery and findings.get("offset") == list(dataset.offset)


def _seen_by(inspection: Inspection) -> dict[Kind, Concerned]:
    """The warnings of an inspection. Areas without a clear shift of their own are not reported as misaligned."""
    areas = (inspection.findings or {})["areas"]
    missing = [(area["aoi_id"], area["tiles_without_imagery"]) for area in areas if area["tiles_without_imagery"]]
    shift_m, shift_m_min = inspection.shift_m or 0, settings.quality_shift_m_min
    beside = [(area["aoi_id"], 1) for area in areas if area["shift"] and area["shift"]["distance_m"] >= shift_m_min]
    return {
        Kind.IMAGERY_MISSING: missing,
        Kind.LABELS_MISALIGNED: (beside or [(area["aoi_id"], 1) for area in areas]) if shift_m >= shift_m_min else [],
    }


async def inspect_dataset(session: WriteSession, viewer: Viewer, *, dataset_id: int, zoom_level: int) -> Inspection:
    """Queues an inspection of a dataset's imagery and labels."""
    dataset = await session.scalar(visible(Dataset, viewer).where(Dataset.id == dataset_id))
    if dataset is None:
        raise NotFound("There is no such dataset.")
    require(may_train_on_this_dataset, viewer, dataset)
    checks.within("zoomLevel", zoom_level, settings.training_zoom_min, settings.training_zoom_max)
    if not dataset.source_imagery:
        raise Invalid("datasetId", "This dataset has no imagery. Set its sourceImagery first.")
    areas = (await session.scalars(select(AOI.geom).where(AOI.dataset_id == dataset_id))).all()
    if not areas:
        raise Invalid("datasetId", "This dataset has no areas yet. Create one first.")
    check_tiles(areas, [zoom_level])
    inspection = Inspection(
        user_id=signed_in(viewer),
        dataset_id=dataset.id,
        source_imagery=imagery.check_template("sourceImagery", dataset.source_imagery),
        zoom_level=zoom_level,
    )
    session.add(inspection)
    await session.flush()
    job = await enqueue(session, MappingJob.INSPECT, subject_id=inspection.id, user_id=inspection.user_id)
    inspection.job_id = job.id
    await session.flush()
    note(session, inspection)
    return inspection


async def begin_inspection(session: WriteSession, inspection_id: int) -> InspectionPlan:
    """Marks the inspection as started, and returns its input."""
    inspection = await session.get_one(Inspection, inspection_id, with_for_update=True)
    dataset = await session.get_one(Dataset, inspection.dataset_id)
    await begin(session, inspection)
    aois = await session.execute(select(AOI.id, AOI.geom).where(AOI.dataset_id == dataset.id).order_by(AOI.id))
    labels = await session.scalars(select(Label.geom).join(AOI).where(AOI.dataset_id == dataset.id))
    return InspectionPlan(
        source_imagery=inspection.source_imagery,
        zoom_level=inspection.zoom_level,
        offset_m=dataset.offset,
        aois=[(id, geom) for id, geom in aois],
        labels=labels.all(),
    )


async def finish_inspection(
    session: WriteSession, inspection_id: int, findings: dict[str, Any], unseen: BaseGeometry | None = None
) -> None:
    """Writes the result: the offset used, the overall shift, each area's figures, and the ground without imagery."""
    inspection = await session.get_one(Inspection, inspection_id, with_for_update=True)
    inspection.findings, inspection.ground_without_imagery = findings, unseen
    await finish(session, inspection, f".{warning(inspection.tiles_without_imagery)}")


async def inspection_failed(session: WriteSession, inspection_id: int, reason: str) -> None:
    """Marks the inspection as failed, with the reason."""
    await fail(session, await session.get_one(Inspection, inspection_id, with_for_update=True), reason)
