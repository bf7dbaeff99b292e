"""Delivers a feed post to all subscribers: visibility and content are read once for all of them."""

from collections import defaultdict
from typing import NamedTuple

from strawberry.dataloader import DataLoader

from app.database import Database
from app.models.social import Post
from app.policies import Viewer
from app.services.social.posts import feed
from app.services.social.posts.feed import FeedScope


class FeedPost(NamedTuple):
    """A post, its author, and the scope a subscriber listens with."""

    post_id: int
    author_id: int
    scope: FeedScope


class DeliveredPost(NamedTuple):
    """That a post is visible to the subscriber, and its content; no content once it is deleted."""

    post: Post | None


class FeedDelivery:
    """Batches the visibility checks of feed posts for all subscribers in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: DataLoader[tuple[FeedPost, Viewer], DeliveredPost | None] = DataLoader(self._load, cache=False)

    async def of(self, key: FeedPost, viewer: Viewer) -> DeliveredPost | None:
        """The post, or None if the viewer may not see it."""
        return await self._asked.load((key, viewer))

    async def _load(self, keys: list[tuple[FeedPost, Viewer]]) -> list[DeliveredPost | None]:
        listeners: defaultdict[FeedPost, set[Viewer]] = defaultdict(set)
        for key, viewer in keys:
            listeners[key].add(viewer)
        deliveries: dict[tuple[FeedPost, Viewer], DeliveredPost] = {}
        async with self._database.reading(in_turn=True) as session:
            for key, viewers in listeners.items():
                viewers_of_post = await feed.find_feed_viewers(session, viewers, key.author_id, key.scope)
                if viewers_of_post:
                    post = await feed.find_feed_post(session, next(iter(viewers_of_post)), key.post_id)
                    deliveries |= {(key, viewer): DeliveredPost(post) for viewer in viewers_of_post}
        return [deliveries.get(each) for each in keys]
