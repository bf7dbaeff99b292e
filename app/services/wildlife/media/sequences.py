"""Sequences: media of a deployment that follow each other closely.

They are built anew whenever media or their times change. A sequence keeps its UUID where most of its members stay
together, and only what changes is written.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as Row
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, Integer, cast, delete, func, insert, select, update
from sqlalchemy.types import DateTime

from app.database import WriteSession
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource, Sequence
from app.settings import settings


class Member(NamedTuple):
    """A medium, when it was recorded, and the sequence that it is in now."""

    id: int
    recorded_at: datetime
    sequence_id: int | None


class Group(NamedTuple):
    """Media that belong together."""

    members: list[Member]

    @property
    def starts_at(self) -> datetime:
        """When the first was recorded."""
        return self.members[0].recorded_at

    @property
    def ends_at(self) -> datetime:
        """When the last was recorded."""
        return self.members[-1].recorded_at


def grouped(members: Iterable[Member], gap: timedelta) -> list[Group]:
    """Members in the order of their times, parted where more than the gap lies between two."""
    groups: list[Group] = []
    for member in members:
        if groups and member.recorded_at - groups[-1].ends_at <= gap:
            groups[-1].members.append(member)
        else:
            groups.append(Group([member]))
    return groups


def kept(groups: Row[Group]) -> dict[int, int]:
    """Which sequence each group keeps, by its place: the one with which it shares most members, each once."""
    shared = Counter(
        (place, member.sequence_id)
        for place, group in enumerate(groups)
        for member in group.members
        if member.sequence_id is not None
    )
    kept_ids: dict[int, int] = {}
    taken: set[int] = set()
    # The largest share first; of equal ones the earlier group and the older sequence.
    for (place, sequence_id), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if place not in kept_ids and sequence_id not in taken:
            kept_ids[place] = sequence_id
            taken.add(sequence_id)
    return kept_ids


async def rebuild(session: WriteSession, deployment_id: int) -> None:
    """Builds the sequences of a deployment anew; its row is locked by the caller."""
    own = (await session.execute(select(Deployment).where(Deployment.id == deployment_id))).scalar_one()
    gap_s = settings.sequence_gap_s if own.sequence_gap_s is None else own.sequence_gap_s
    listed = (
        select(Resource.id, Resource.recorded_at, Resource.sequence_id)
        .where(Resource.deployment_id == deployment_id, Resource.recorded_at.is_not(None))
        .order_by(Resource.recorded_at, Resource.id)
    )
    rows = (await session.execute(listed)).all()
    members = [Member(row.id, row.recorded_at, row.sequence_id) for row in rows if row.recorded_at]
    groups = grouped(members, timedelta(seconds=gap_s))
    places = kept(groups)
    fresh = [place for place in range(len(groups)) if place not in places]
    places |= await _added(session, own, groups, fresh)
    await _renew(session, groups, places)
    await _assign(session, groups, places)
    await _discard(session, deployment_id, set(places.values()))


async def _added(session: WriteSession, own: Deployment, groups: Row[Group], fresh: Row[int]) -> dict[int, int]:
    if not fresh:
        return {}
    rows = [
        {
            "research_project_id": own.research_project_id,
            "deployment_id": own.id,
            "starts_at": groups[place].starts_at,
            "ends_at": groups[place].ends_at,
            "resource_count": len(groups[place].members),
        }
        for place in fresh
    ]
    made = await session.scalars(insert(Sequence).returning(Sequence.id, sort_by_parameter_order=True), rows)
    return dict(zip(fresh, made.all(), strict=True))


async def _renew(session: WriteSession, groups: Row[Group], places: dict[int, int]) -> None:
    """Writes the times and counts of sequences that have changed."""
    renewed = [groups[place] for place in places]
    values = (
        func.unnest(
            cast(list(places.values()), ARRAY(BigInteger)),
            cast([group.starts_at for group in renewed], ARRAY(DateTime(timezone=True))),
            cast([group.ends_at for group in renewed], ARRAY(DateTime(timezone=True))),
            cast([len(group.members) for group in renewed], ARRAY(Integer)),
        )
        .table_valued("id", "begins", "finishes", "members")
        .render_derived()
    )
    same = (Sequence.starts_at, Sequence.ends_at, Sequence.resource_count)
    now = (values.c.begins, values.c.finishes, values.c.members)
    changed = [old.is_distinct_from(new) for old, new in zip(same, now, strict=True)]
    statement = (
        update(Sequence)
        .where(Sequence.id == values.c.id, changed[0] | changed[1] | changed[2])
        .values(starts_at=values.c.begins, ends_at=values.c.finishes, resource_count=values.c.members)
        .execution_options(synchronize_session=False)
    )
    await session.execute(statement)


async def _assign(session: WriteSession, groups: Row[Group], places: dict[int, int]) -> None:
    """Puts media into their sequences where they are in another one."""
    moved = [
        (member.id, places[place])
        for place, group in enumerate(groups)
        for member in group.members
        if member.sequence_id != places[place]
    ]
    if not moved:
        return
    changed = (
        func.unnest(
            cast([each for each, _ in moved], ARRAY(BigInteger)), cast([place for _, place in moved], ARRAY(BigInteger))
        )
        .table_valued("id", "sequence_id")
        .render_derived()
    )
    statement = (
        update(Resource)
        .where(Resource.id == changed.c.id)
        .values(sequence_id=changed.c.sequence_id)
        .execution_options(synchronize_session=False)
    )
    await session.execute(statement)


async def _discard(session: WriteSession, deployment_id: int, needed: set[int]) -> None:
    undated = Resource.deployment_id == deployment_id, Resource.recorded_at.is_(None), Resource.sequence_id.is_not(None)
    await session.execute(
        update(Resource).where(*undated).values(sequence_id=None).execution_options(synchronize_session=False)
    )
    listed = await session.scalars(select(Sequence.id).where(Sequence.deployment_id == deployment_id))
    if left := [each for each in listed.all() if each not in needed]:
        await session.execute(
            delete(Sequence).where(Sequence.id.in_(left)).execution_options(synchronize_session=False)
        )
