"""Checks the counters that database triggers maintain, and repairs them batch by batch while the system is in use.

Whoever changes a counter locks its row until commit. So once a wrong row is locked, the count covers everything
committed, and later changes add to it.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.database import Database, ReadSession, WriteSession
from app.models.base import Record
from app.models.social import Conversation, Like, Message, Post, Share
from app.settings import settings

Counts = Mapping[InstrumentedAttribute[int], ScalarSelect[Any]]


@dataclass(frozen=True)
class Repair:
    """A counter that differed from its rows."""

    table: str
    id: int
    column: str
    was: int | None
    is_now: int


def _of_posts() -> Counts:
    reply = aliased(Post)
    replies = select(func.count()).where(reply.parent_id == Post.id, reply.deleted_at.is_(None))
    return {
        Post.likes_count: select(func.count()).where(Like.post_id == Post.id).scalar_subquery(),
        Post.comment_count: replies.scalar_subquery(),
        Post.shares_count: select(func.count()).where(Share.post_id == Post.id).scalar_subquery(),
    }


def _of_conversations() -> Counts:
    one, other = Conversation.user_id, Conversation.other_id
    is_between = (
        func.least(Message.sender_id, Message.receiver_id) == func.least(one, other),
        func.greatest(Message.sender_id, Message.receiver_id) == func.greatest(one, other),
    )
    unread = Message.sender_id == other, Message.receiver_id == one, ~Message.is_read
    return {
        Conversation.last_message_id: select(func.max(Message.id)).where(*is_between).scalar_subquery(),
        Conversation.unread_count: select(func.count()).where(*unread).scalar_subquery(),
    }


async def repair_counters(database: Database) -> AsyncIterator[Repair]:
    """Repairs wrong counters, each batch in its own transaction, and reports them."""
    async for within in _batches(database, Post):
        async with database.writing() as session:
            repairs = await _repair(session, Post, _of_posts(), within)
        for repair in repairs:
            yield repair
    async for within in _batches(database, Message):
        async with database.writing() as session:
            repairs = await _open_missing(session, within)
        for repair in repairs:
            yield repair
    async for within in _batches(database, Conversation):
        async with database.writing() as session:
            repairs = await _repair(session, Conversation, _of_conversations(), within)
        for repair in repairs:
            yield repair


async def _batches(database: Database, table: type[Record]) -> AsyncIterator[ColumnElement[bool]]:
    last = 0
    while True:
        async with database.reading() as session:
            end = await _end_after(session, table, last)
        if end is None:
            return
        yield table.id.between(last + 1, end)
        last = end


async def _end_after(session: ReadSession, table: type[Record], last: int) -> int | None:
    batch = select(table.id).where(table.id > last).order_by(table.id).limit(settings.counters_batch_rows)
    end: int | None = await session.scalar(select(func.max(batch.subquery().c.id)))
    return end


async def _repair(
    session: WriteSession, table: type[Record], counts: Counts, within: ColumnElement[bool]
) -> list[Repair]:
    differs = or_(*(column.is_distinct_from(count) for column, count in counts.items()))
    ids = (await session.scalars(select(table.id).where(within, differs))).all()
    these = table.id.in_(ids)
    # In the order that sending a message locks them: by owner.
    order = (Conversation.user_id, Conversation.id) if table is Conversation else (table.id,)
    locked = select(table.id, *counts).where(these).order_by(*order).with_for_update(key_share=True)
    before = {id: values for id, *values in await session.execute(locked)}
    # A separate statement, so that it sees what the lock waited for.
    counted = update(table).where(these, differs).values({column.key: count for column, count in counts.items()})
    wrong = await session.execute(
        counted.returning(table.id, *counts), execution_options={"synchronize_session": False}
    )
    return [
        Repair(table.__tablename__, id, column.key, was, is_now)
        for id, *after in wrong
        for column, was, is_now in zip(counts, before[id], after, strict=True)
        if was != is_now
    ]


async def _open_missing(session: WriteSession, within: ColumnElement[bool]) -> list[Repair]:
    """Creates missing conversation sides with their latest message; unread counts come next."""
    sides = union(
        select(Message.sender_id.label("user_id"), Message.receiver_id.label("other_id"), Message.id).where(within),
        select(Message.receiver_id, Message.sender_id, Message.id).where(within),
    ).subquery()
    is_there = (Conversation.user_id == sides.c.user_id) & (Conversation.other_id == sides.c.other_id)
    missing = select(sides.c.user_id, sides.c.other_id, func.max(sides.c.id)).where(
        ~select(Conversation.id).where(is_there).exists()
    )
    missing = missing.group_by(sides.c.user_id, sides.c.other_id).order_by(sides.c.user_id)
    opened = insert(Conversation).from_select(["user_id", "other_id", "last_message_id"], missing)
    rows = await session.execute(
        opened.on_conflict_do_nothing().returning(Conversation.id, Conversation.last_message_id)
    )
    return [Repair("conversations", id, "last_message_id", None, last) for id, last in rows]
