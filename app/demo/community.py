"""What the demo's people say to each other: made by the same services as what anybody says."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update

from app.database import WriteSession
from app.models.accounts import User
from app.models.mapping.datasets import Dataset
from app.models.reports import Report, ReportReason
from app.models.social import Message, Post, PostType
from app.models.system import UserNotification
from app.policies import Viewer
from app.postgres import last_statement
from app.services.accounts.users import profiles
from app.services.social import messages, reports
from app.services.social.people import account_deletion, blocks, friends
from app.services.social.posts import editing
from app.services.social.posts import likes as likes_service
from app.services.system import notification_groups

People = Mapping[str, Viewer]


@dataclass(frozen=True)
class Entry:
    """A post with its likes, shares, replies and reports."""

    author: str
    content: str
    type: PostType = PostType.THOUGHTS
    is_about_the_village: bool = False
    likes: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    replies: tuple["Entry", ...] = ()
    reported_by: str | None = None


PROFILES = {
    "mapper": {"bio": "Draws roofs, so that a machine learns to.", "location": "Western street"},
    "surveyor": {"bio": "Goes and looks what stands where the imagery is unclear.", "location": "On the road"},
    "reviewer": {"bio": "Compares what models find with what is there."},
    "ecologist": {"bio": "Asks where the village ends and the forest begins.", "location": "Forest edge"},
}
# Who asked whom, and whether they have accepted.
ASKED = (
    ("mapper", "surveyor", True),
    ("reviewer", "mapper", True),
    ("surveyor", "reviewer", True),
    ("ecologist", "mapper", True),
    ("visitor", "mapper", False),
    ("ecologist", "reviewer", False),
)
TALK = (
    Entry(
        "mapper",
        "All roofs of the western street are drawn. Would you have a look, @surveyor? #buildings #village",
        is_about_the_village=True,
        likes=("surveyor", "reviewer", "ecologist"),
        shares=("ecologist",),
        replies=(
            Entry(
                "surveyor",
                "Two of them share a wall. I would draw them apart: there are two doors. #buildings",
                likes=("mapper", "reviewer"),
                replies=(Entry("mapper", "Drawn apart. Thank you!", likes=("surveyor",)),),
            ),
            Entry("reviewer", "The outlines follow the roofs and not their shadows. Ready to learn from."),
            Entry("visitor", "CHEAP FOLLOWERS!!! CHEAP FOLLOWERS!!! CHEAP FOLLOWERS!!!", reported_by="reviewer"),
        ),
    ),
    Entry(
        "ecologist",
        "Does anybody map hedges? Between the fields they are where the animals go. #village #hedges",
        likes=("mapper",),
        replies=(Entry("surveyor", "I pass them every week. Tell me what to note. #hedges", likes=("ecologist",)),),
    ),
    Entry("surveyor", "New imagery of the east, without clouds at last.", likes=("mapper", "ecologist")),
    Entry(
        "reviewer",
        "The first model of the village is published, and what @mapper and @surveyor drew is in it. #milestone",
        type=PostType.MILESTONES,
        is_about_the_village=True,
        likes=("mapper", "surveyor", "ecologist", "visitor"),
        shares=("mapper", "surveyor"),
    ),
)
# From whom, to whom, and what; without words the first reads what the second has written.
MESSAGES = (
    ("mapper", "surveyor", "Will you pass the eastern street this week?"),
    ("surveyor", "mapper", None),
    ("surveyor", "mapper", "On Thursday. What shall I look for?"),
    ("mapper", "surveyor", None),
    ("mapper", "surveyor", "Whether the long roof is one house or three."),
    ("reviewer", "mapper", "I have a question about the areas near the pond."),
    ("reviewer", "mapper", "Are boats buildings?"),
    ("ecologist", "ecologist", "Ask about hedges."),
)
MUTED = (("reviewer", "visitor"),)


async def is_there(session: WriteSession, people: People) -> bool:
    """Whether any of them has ever posted, deleted posts included."""
    return await session.scalar(select(Post.id).where(Post.author_id.in_(_ids(people))).limit(1)) is not None


async def make(session: WriteSession, people: People, dataset: Dataset) -> None:
    """Has them introduce themselves, make friends, talk, write and complain."""
    for name, changes in PROFILES.items():
        await profiles.update_profile(session, people[name], changes=changes)
    for asking, asked, is_accepted in ASKED:
        sent = await friends.send_friend_request(session, people[asking], _id(people, asked))
        if is_accepted and sent.request is not None:
            await last_statement.of(session).write(session)  # who accepts is no longer notified of the request
            await friends.accept_friend_request(session, people[asked], sent.request.id)
    for entry in TALK:
        await _say(session, people, entry, dataset)
    for sender, receiver, content in MESSAGES:
        if content is None:
            await messages.read_conversation(session, people[sender], _id(people, receiver))
        else:
            await messages.send_message(session, people[sender], receiver_id=_id(people, receiver), content=content)
    for name, muted in MUTED:
        await blocks.mute_user(session, people[name], _id(people, muted), hours=None)


async def _say(
    session: WriteSession, people: People, entry: Entry, dataset: Dataset, *, parent_id: int | None = None
) -> None:
    fields = {"content": entry.content, "type": entry.type}
    about = ("Dataset", dataset.id) if entry.is_about_the_village else None
    author = people[entry.author]
    post = await editing.create_post(session, author, parent_id=parent_id, about=about, fields=fields)
    for name in entry.likes:
        await likes_service.like_post(session, people[name], post.id)
    for name in entry.shares:
        await likes_service.share_post(session, people[name], post.id)
    if entry.reported_by is not None:
        reporter = people[entry.reported_by]
        await reports.report(session, reporter, "Post", post.id, reason=ReportReason.SPAM, comment=None)
    for reply in entry.replies:
        await _say(session, people, reply, dataset, parent_id=post.id)


async def clear(session: WriteSession, people: People) -> None:
    """Deletes their posts and their relations to each other and to others; replies of others stay.

    Whoever was suspended while somebody tried that takes part again.
    """
    ids = _ids(people)
    await session.execute(update(User).where(User.id.in_(ids)).values(is_active=True))
    for user_id in ids:
        await account_deletion.end_ties(session, user_id)
        await account_deletion.take_posts_away(session, user_id)
        await notification_groups.remove_actor(session, user_id)
    for table, ends in (
        (Message, (Message.sender_id, Message.receiver_id)),
        (Report, (Report.user_id, Report.accused_id)),
        (UserNotification, (UserNotification.user_id,)),
    ):
        await session.execute(delete(table).where(or_(*(end.in_(ids) for end in ends))))


def _ids(people: People) -> list[int]:
    return sorted(_id(people, name) for name in people)


def _id(people: People, name: str) -> int:
    user_id = people[name].user_id
    assert user_id is not None, "demo accounts created"
    return user_id
