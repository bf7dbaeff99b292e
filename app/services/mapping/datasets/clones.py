"""Copies of areas with their labels: a correction into the dataset, or a whole dataset for other imagery."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, case, cast, func, insert, literal, null, select

from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.models.mapping.datasets import AOI, Dataset, DownloadStatus, Label
from app.models.mapping.feedback import FeedbackAOI, FeedbackLabel
from app.models.mapping.trainings import Model
from app.policies import Viewer, require, signed_in, visible
from app.policies.mapping import may_train_on_this_dataset
from app.services.mapping.datasets.editing import create_dataset, dataset_to_add_to, room_for_area
from app.services.mapping.feedback.corrections import is_labelled
from app.services.mapping.feedback.entries import locked_entry
from app.services.mapping.labels.uploads import make_room
from app.services.mapping.trainings.inputs import outline_in
from app.services.mapping.trainings.lifecycle import create_model

# The number of labels copied per statement: ten times as many exceed the statement timeout.
LABELS_AT_ONCE = 10_000
# The columns a copy does not share; all others are copied, including future ones.
OWN = {"id", "created_at", "last_modified", "user_id", "dataset_id", "aoi_id", "label_status"}


def _copied(table: type[AOI | Label]) -> dict[str, ColumnElement[Any]]:
    return {column.name: column for column in table.__table__.columns if column.name not in OWN}


async def copy_feedback_aoi(session: WriteSession, viewer: Viewer, area_id: int) -> AOI:
    """Copies a correction into the dataset of its model. Both keep their creators."""
    area = await locked_entry(session, viewer, FeedbackAOI, area_id)
    dataset = await dataset_to_add_to(session, viewer, area.training.model.dataset_id)
    if area.aoi_id is not None:
        raise Conflict("This correction was already copied.")
    if not await session.scalar(select(is_labelled()).where(FeedbackAOI.id == area.id)):
        raise Conflict("This area has no labels yet. Fetch or draw them first.")
    await room_for_area(session, dataset.id)
    here = FeedbackLabel.feedback_aoi_id == area.id
    aoi = AOI(dataset_id=dataset.id, user_id=area.user_id, geom=area.geom)
    aoi.label_status, aoi.label_fetched = area.label_status, area.label_fetched
    session.add(aoi)
    await session.flush()
    await make_room(session, aoi, await session.scalar(select(func.count()).where(here)) or 0)
    values = {name: getattr(FeedbackLabel, name) for name in _copied(Label)} | {
        "geom": outline_in(dataset),
        "user_id": FeedbackLabel.user_id,
        "aoi_id": literal(aoi.id, BigInteger),
    }
    await _insert(session, Label, values, here)
    area.aoi_id = aoi.id
    await session.flush()
    return aoi


async def clone_dataset(
    session: WriteSession,
    viewer: Viewer,
    dataset_id: int,
    *,
    name: str | None = None,
    source_imagery: str | None = None,
    offset: Sequence[float] | None = None,
) -> Dataset:
    """A dataset of the viewer's with the same areas and labels, for other imagery if given.

    The labels keep their coordinates; the offset moves them to the imagery.
    """
    dataset = await session.scalar(visible(Dataset, viewer).where(Dataset.id == dataset_id))
    if dataset is None:
        raise NotFound("There is no such dataset.")
    require(may_train_on_this_dataset, viewer, dataset)
    clone = await create_dataset(
        session,
        viewer,
        name=dataset.name if name is None else name,
        source_imagery=dataset.source_imagery if source_imagery is None else source_imagery,
        offset=dataset.offset if offset is None else offset,
    )
    await _copy_areas(session, dataset.id, clone)
    return clone


async def _copy_areas(session: WriteSession, dataset_id: int, clone: Dataset) -> None:
    """Copies the dataset's current content, labels in batches, since one statement may not take long."""
    counts = select(AOI.id, func.count(Label.id)).outerjoin(Label).where(AOI.dataset_id == dataset_id)
    areas = (await session.execute(counts.group_by(AOI.id).order_by(AOI.id))).all()
    sequence = func.nextval(func.pg_get_serial_sequence(AOI.__tablename__, "id"))
    numbers = select(sequence).select_from(func.generate_series(1, len(areas)))
    copies = dict(zip((id for id, _ in areas), await session.scalars(numbers), strict=True))
    user_id = literal(clone.user_id, BigInteger)
    own = {"dataset_id": literal(clone.id, BigInteger), "user_id": user_id, "label_status": _settled()}
    labelled_by = case((Label.user_id.is_not(None), user_id), else_=null())
    for some in _in_portions(areas):
        copied_ids = [copies[id] for id in some]
        pairs = func.unnest(_keys(some), _keys(copied_ids)).table_valued("old", "new", name="pairs").render_derived()
        await _insert(session, AOI, {**_copied(AOI), **own, "id": pairs.c.new}, AOI.id == pairs.c.old)
        labels = {**_copied(Label), "user_id": labelled_by, "aoi_id": pairs.c.new}
        await _insert(session, Label, labels, Label.aoi_id == pairs.c.old)


def _settled() -> ColumnElement[Any]:
    """The label status of a copied area: nobody fetches for the copy."""
    before = case((AOI.label_fetched.is_(None), DownloadStatus.NOT_DOWNLOADED), else_=DownloadStatus.DOWNLOADED)
    return case((AOI.label_status == DownloadStatus.RUNNING, before), else_=AOI.label_status)


def _keys(ids: Sequence[int]) -> ColumnElement[Any]:
    return cast(list(ids), ARRAY(BigInteger))


def _in_portions(areas: Sequence[Any]) -> list[list[int]]:
    """The areas' keys in batches, none with many more labels than are copied at once."""
    portions: list[list[int]] = []
    room = 0
    for id, count in areas:
        if room <= 0:
            portions.append([])
            room = LABELS_AT_ONCE
        portions[-1].append(id)
        room -= count
    return portions


async def _insert(
    session: WriteSession, table: type[AOI | Label], values: Mapping[str, Any], where: ColumnElement[bool]
) -> None:
    await session.execute(insert(table).from_select(list(values), select(*values.values()).where(where)))


async def clone_model(
    session: WriteSession,
    viewer: Viewer,
    model_id: int,
    *,
    name: str | None = None,
    source_imagery: str | None = None,
    offset: Sequence[float] | None = None,
) -> Model:
    """An untrained model of the viewer's of the same kind, on a clone of its dataset."""
    model = await session.scalar(visible(Model, viewer).where(Model.id == model_id))
    if model is None:
        raise NotFound("There is no such model.")
    signed_in(viewer)
    dataset = await clone_dataset(session, viewer, model.dataset_id, source_imagery=source_imagery, offset=offset)
    return await create_model(
        session,
        viewer,
        dataset_id=dataset.id,
        name=model.name if name is None else name,
        description=model.description,
        base_model=model.base_model,
    )
