"""Delivers a feed post to all subscribers: visibility and content are read once for all of them."""

from collections import defaultdict
from typing import NamedTuple

from strawberry.dataloader import DataLoader

from app.database import Database
from app.models.social import Post
from app.policies import Viewer
from app.services.social.posts import feed
from app.services.social.posts.feed import FeedScope


class Said(NamedTuple):
    """A post, its author, and the scope a subscriber listens with."""

    post_id: int
    author_id: int
    scope: FeedScope


class Heard(NamedTuple):
    """That a post is visible to the subscriber, and its content; no content once it is deleted."""

    post: Post | None


class Hearing:
    """Batches the visibility checks of feed posts for all subscribers in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: DataLoader[tuple[Said, Viewer], Heard | None] = DataLoader(self._hear, cache=False)

    async def of(self, said: Said, viewer: Viewer) -> Heard | None:
        """The post, or None if the viewer may not see it."""
        return await self._asked.load((said, viewer))

    async def _hear(self, asked: list[tuple[Said, Viewer]]) -> list[Heard | None]:
        listeners: defaultdict[Said, set[Viewer]] = defaultdict(set)
        for said, viewer in asked:
            listeners[said].add(viewer)
        heard: dict[tuple[Said, Viewer], Heard] = {}
        async with self._database.reading(in_turn=True) as session:
            for said, viewers in listeners.items():
                hearers = await feed.find_hearers(session, viewers, said.author_id, said.scope)
                if hearers:
                    post = await feed.find_said(session, next(iter(hearers)), said.post_id)
                    heard |= {(said, viewer): Heard(post) for viewer in hearers}
        return [heard.get(each) for each in asked]
