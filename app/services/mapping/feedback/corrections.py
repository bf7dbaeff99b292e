"""Correction areas: drawn by any user, reviewed by the model's owner, trained on once approved."""

from collections.abc import Mapping, Sequence
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, exists, func, insert, select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, LimitReached, NotFound
from app.gateways.osm import OsmFeature
from app.geometry import shapes
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import DownloadStatus, LabelOrigin
from app.models.mapping.feedback import FeedbackAOI, FeedbackLabel, Review
from app.models.mapping.trainings import Training
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_change_this_feedback_area, may_review_feedback_on_this_model
from app.queue import enqueue
from app.services.mapping.feedback.entries import imagery_of, locked_entry, room_for, training_to_judge
from app.services.mapping.labels.editing import corrected, covers_the_same, outlined, tags_of
from app.services.mapping.labels.fetching import at_rest, begin_fetching, end_fetching, fail_fetching, make_way, redraw
from app.services.system.notifications import notify, notify_unless_viewer
from app.settings import settings


async def create_feedback_aoi(
    session: WriteSession, viewer: Viewer, *, training_id: int, geom: BaseGeometry, source_imagery: str | None = None
) -> FeedbackAOI:
    """An area in which everything will be labelled as it should have been found."""
    training = await training_to_judge(session, viewer, training_id)
    area = FeedbackAOI(
        user_id=signed_in(viewer),
        training_id=training.id,
        geom=_boundary(geom),
        source_imagery=imagery_of(training, source_imagery),
    )
    await room_for(session, FeedbackAOI, training, limit=settings.feedback_aois_per_training_max)
    session.add(area)
    await session.flush()
    return area


def _boundary(geom: BaseGeometry) -> BaseGeometry:
    return shapes.checked("geom", geom, area_m2_min=settings.aoi_area_m2_min, area_m2_max=settings.aoi_area_m2_max)


async def _area_to_change(session: ReadSession, viewer: Viewer, area_id: int) -> FeedbackAOI:
    """An area the viewer may change, locked, with no job running on it."""
    area = await locked_entry(session, viewer, FeedbackAOI, area_id)
    require(may_change_this_feedback_area, viewer, area)
    at_rest(area)
    return area


def _has_changed(viewer: Viewer, area: FeedbackAOI) -> None:
    """A changed area is no longer the approved one: it must be reviewed again unless a reviewer changed it."""
    if not may_review_feedback_on_this_model(viewer, area.training.model):
        area.review, area.reviewed_at, area.reviewed_by_id = Review.PENDING, None, None


async def update_feedback_aoi(
    session: WriteSession, viewer: Viewer, area_id: int, *, geom: BaseGeometry
) -> FeedbackAOI:
    """Changes the boundary of an area; its creator stays the same."""
    area, boundary = await _area_to_change(session, viewer, area_id), _boundary(geom)
    redraw(area, boundary)
    _has_changed(viewer, area)
    await session.refresh(area)
    return area


async def delete_feedback_aoi(session: WriteSession, viewer: Viewer, area_id: int) -> FeedbackAOI:
    """Deletes the area with its labels; its copy in the dataset stays."""
    area = await _area_to_change(session, viewer, area_id)
    await session.execute(delete(FeedbackAOI).where(FeedbackAOI.id == area.id))
    return area


def is_labelled() -> Any:
    """Whether unlabelled ground in a feedback area is known to be empty: it has labels, or was fetched."""
    return (FeedbackAOI.label_status == DownloadStatus.DOWNLOADED) | exists().where(
        FeedbackLabel.feedback_aoi_id == FeedbackAOI.id, FeedbackAOI.label_status != DownloadStatus.RUNNING
    )


async def review_feedback_aoi(session: WriteSession, viewer: Viewer, area_id: int, *, review: Review) -> FeedbackAOI:
    """Approves or rejects an area for training, and notifies its author."""
    area = await locked_entry(session, viewer, FeedbackAOI, area_id)
    require(may_review_feedback_on_this_model, viewer, area.training.model)
    if review is Review.APPROVED and not await session.scalar(select(is_labelled()).where(FeedbackAOI.id == area.id)):
        raise Conflict("This area has no labels yet. Fetch or draw them first.")
    if review is area.review:
        return area
    is_open = review is Review.PENDING
    reviewed_at = None if is_open else await session.scalar(select(func.now()))
    area.review, area.reviewed_at, area.reviewed_by_id = review, reviewed_at, None if is_open else viewer.user_id
    await session.refresh(area)
    if not is_open:
        how = f"Your correction {area.id} of training {area.training_id} was {review.value.lower()}."
        notify_unless_viewer(session, viewer, area.user_id, how, about=area.training)
    return area


async def ask_for_feedback_labels(session: WriteSession, viewer: Viewer, *, area_id: int) -> FeedbackAOI:
    """Starts fetching a feedback area's labels from OpenStreetMap; its status changes in this transaction."""
    area = await _area_to_change(session, viewer, area_id)
    begin_fetching(area)
    _has_changed(viewer, area)
    await enqueue(session, MappingJob.FETCH_FEEDBACK_LABELS, subject_id=area.id, user_id=signed_in(viewer))
    await session.refresh(area)
    return area


async def feedback_area_to_label(session: ReadSession, area_id: int) -> BaseGeometry:
    """The ground to fetch labels for."""
    return (await session.get_one(FeedbackAOI, area_id)).geom


async def replace_osm_feedback_labels(session: WriteSession, area_id: int, features: Sequence[OsmFeature]) -> None:
    """Replaces the labels fetched before; drawn and edited labels stay."""
    area = await session.get_one(FeedbackAOI, area_id, with_for_update=True)
    taken = await make_way(session, FeedbackLabel, FeedbackLabel.feedback_aoi_id == area.id)
    rows = [
        {"geom": each.geometry, "tags": each.tags, "osm_id": each.osm_id, "osm_type": each.osm_type}
        | {"feedback_aoi_id": area.id, "origin": LabelOrigin.OSM}
        for each in features
        if (each.osm_type, each.osm_id) not in taken and shapes.share_ground(area.geom, each.geometry)
    ]
    await _room_for_labels(session, area, len(rows))
    if rows:
        await session.execute(insert(FeedbackLabel), rows)
    await end_fetching(session, area)
    await _tell(session, area, f"{len(rows)} labels were fetched for your correction {area.id}.")


async def feedback_labelling_failed(session: WriteSession, area_id: int, reason: str) -> None:
    """Marks the fetch as failed, with the reason; earlier labels stay."""
    area = await session.get_one(FeedbackAOI, area_id, with_for_update=True)
    fail_fetching(area, reason)
    await _tell(session, area, f"The labels of your correction {area.id} could not be fetched. {reason}")


async def _tell(session: WriteSession, area: FeedbackAOI, message: str) -> None:
    notify(session, area.user_id, message, about=await session.get_one(Training, area.training_id))


async def _room_for_labels(session: ReadSession, area: FeedbackAOI, count: int) -> None:
    limit = settings.feedback_labels_per_area_max
    there = await session.scalar(select(func.count()).where(FeedbackLabel.feedback_aoi_id == area.id))
    if (there or 0) + count > limit:
        raise LimitReached("This feedback area has reached the limit for labels.", limit=limit)


async def draw_feedback_label(
    session: WriteSession, viewer: Viewer, *, area_id: int, geom: BaseGeometry, tags: Any = None
) -> FeedbackLabel:
    """A drawn feature that should have been found; one with the same outline gets the tags instead."""
    area = await _area_to_change(session, viewer, area_id)
    outline = outlined(area, geom)
    same = covers_the_same(FeedbackLabel, outline) & (FeedbackLabel.feedback_aoi_id == area.id)
    label = await session.scalar(select(FeedbackLabel).where(same).order_by(FeedbackLabel.id).limit(1))
    if label is None:
        await _room_for_labels(session, area, 1)
        drawn = {"geom": outline, "tags": tags_of(tags), "origin": LabelOrigin.DRAWN, "user_id": signed_in(viewer)}
        label = FeedbackLabel(feedback_aoi_id=area.id, **drawn)
        session.add(label)
        _has_changed(viewer, area)
    elif tags is not None:
        corrected(label, area, {"tags": tags})
        _has_changed(viewer, area)
    await session.flush()
    return label


async def _label_to_change(session: ReadSession, viewer: Viewer, label_id: int) -> tuple[FeedbackLabel, FeedbackAOI]:
    """A label of an area the viewer may change, and the area, locked."""
    sought = visible(FeedbackLabel, viewer).where(FeedbackLabel.id == label_id)
    area_id = await session.scalar(sought.with_only_columns(FeedbackLabel.feedback_aoi_id))
    if area_id is None:
        raise NotFound("There is no such label.")
    area = await _area_to_change(session, viewer, area_id)
    # The area's lock may have been waited for: only now is it certain whether the label still exists.
    label = await session.scalar(sought)
    if label is None:
        raise NotFound("There is no such label.")
    return label, area


async def update_feedback_label(
    session: WriteSession, viewer: Viewer, label_id: int, changes: Mapping[str, Any]
) -> FeedbackLabel:
    """Updates a label's outline or tags; its creator stays the same."""
    label, area = await _label_to_change(session, viewer, label_id)
    corrected(label, area, changes)
    if changes:
        _has_changed(viewer, area)
    await session.flush()
    return label


async def delete_feedback_label(session: WriteSession, viewer: Viewer, label_id: int) -> FeedbackLabel:
    """Deletes the label."""
    label, area = await _label_to_change(session, viewer, label_id)
    await session.execute(delete(FeedbackLabel).where(FeedbackLabel.id == label.id))
    _has_changed(viewer, area)
    return label
