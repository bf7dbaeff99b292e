"""What goes with an account that is deleted: its ties to others. What it said to them stays, and names nobody."""

from sqlalchemy import delete, or_

from app.database import WriteSession
from app.models import Block, FriendRequest, Friendship, Mute
from app.services.accounts import on_parting

TIES = {
    Friendship: (Friendship.user_id, Friendship.friend_id),
    FriendRequest: (FriendRequest.from_user_id, FriendRequest.to_user_id),
    Block: (Block.user_id, Block.blocked_id),
    Mute: (Mute.user_id, Mute.muted_id),
}


@on_parting
async def end_ties(session: WriteSession, user_id: int) -> None:
    """Nobody has them for a friend any more, asked or is kept away, and no name is left in that."""
    for table, ends in TIES.items():
        await session.execute(delete(table).where(or_(*(end == user_id for end in ends))))
