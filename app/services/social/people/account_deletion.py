"""What is deleted with an account: its relations and posts. Its messages stay, without a name."""

from sqlalchemy import delete, or_, select, update

from app.database import WriteSession
from app.models.reports import Report
from app.models.social import Block, FriendRequest, Friendship, Like, Mute, Post, PostMention, Share
from app.services.accounts.users.deletion import on_parting
from app.services.social.posts.removal import locked, remove_posts

TIES = {
    Friendship: (Friendship.user_id, Friendship.friend_id),
    FriendRequest: (FriendRequest.from_user_id, FriendRequest.to_user_id),
    Block: (Block.user_id, Block.blocked_id),
    Mute: (Mute.user_id, Mute.muted_id),
}
TO_POSTS = (Like, Share, PostMention)


@on_parting
async def end_ties(session: WriteSession, user_id: int) -> None:
    """Deletes friendships, requests, blocks and mutes, and clears names kept in them."""
    for table, ends in TIES.items():
        await session.execute(delete(table).where(or_(*(end == user_id for end in ends))))


@on_parting
async def take_posts_away(session: WriteSession, user_id: int) -> None:
    """Deletes their posts, and their likes and shares no longer count."""
    own = await session.scalars(select(Post.id).where(Post.author_id == user_id, Post.deleted_at.is_(None)))
    await remove_posts(session, own.all())
    for table in TO_POSTS:
        theirs = select(table.post_id).where(table.user_id == user_id)
        await session.execute(locked(select(Post.id).where(Post.id.in_(theirs))))
        await session.execute(delete(table).where(table.user_id == user_id))


@on_parting
async def forget_evidence(session: WriteSession, user_id: int) -> None:
    """Reports of their content stay; the reported text is deleted."""
    await session.execute(update(Report).where(Report.accused_id == user_id).values(evidence=None, evidence_key=None))
