"""One post and all who listen for it: who hears of it, and what it says, is read once for all of them."""

from collections import defaultdict
from typing import NamedTuple

from strawberry.dataloader import DataLoader

from app.database import Database
from app.models.social import Post
from app.policies import Viewer
from app.services.social.posts import feed
from app.services.social.posts.feed import FeedScope


class Said(NamedTuple):
    """A post, by whom, and in which scope somebody listens for it."""

    post_id: int
    author_id: int
    scope: FeedScope


class Heard(NamedTuple):
    """That a post is one for the listener, and what it says; nothing once it is deleted."""

    post: Post | None


class Hearing:
    """The ears of one process: listeners who ask of the same post at once ask together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: DataLoader[tuple[Said, Viewer], Heard | None] = DataLoader(self._hear, cache=False)

    async def of(self, said: Said, viewer: Viewer) -> Heard | None:
        """The post, or None if it is nothing to the viewer."""
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
