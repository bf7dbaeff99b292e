"""What each mutation of social life is given: something between people, fresh for each of them."""

from typing import Any

from app.database import Database
from app.models.base import Record
from app.models.reports import Report, ReportReason
from app.models.social import Block, FriendRequest, Message, Mute
from tests import factories
from tests.fixtures import Person
from tests.permissions.works.made import Works


async def make(database: Database, owner: Person, other: Person, number: int) -> Works:
    """Something between the two, and between the owner and some who are made for it."""
    names = ("asking", "asked", "friend", "blocked", "muted", "stranger")
    people = {name: (await factories.user(database, f"{name}{number}")).user for name in names}
    await factories.befriend(database, owner.id, people["friend"].id)
    request = FriendRequest(from_user_id=people["asking"].id, to_user_id=owner.id)
    rows: dict[str, Record] = {**people, "request": await factories.add(database, request)}
    asked = FriendRequest(from_user_id=owner.id, to_user_id=people["asked"].id)
    await factories.add(database, asked)
    await factories.add(database, Block(user_id=owner.id, blocked_id=people["blocked"].id, username="blocked"))
    await factories.add(database, Mute(user_id=owner.id, muted_id=people["muted"].id))
    said = {"sender_id": owner.id, "receiver_id": people["friend"].id, "content": "Good morning."}
    rows["message"] = await factories.add(database, Message(**said))
    rows["post"] = await factories.post(database, owner.id)
    rows["other post"] = post = await factories.post(database, other.id)
    report = {"subject_type": "Post", "subject_key": post.id, "reason": ReportReason.SPAM}
    rows["report"] = await factories.add(database, Report(user_id=owner.id, accused_id=other.id, **report))
    return Works(rows)


def inputs(made: Works) -> dict[str, dict[str, Any]]:
    """What the mutations of social life are given, by their names."""
    friend, post = made.id("friend"), made.id("other post")
    return {
        "sendFriendRequest": {"userId": made.id("stranger")},
        "acceptFriendRequest": {"id": made.id("request")},
        "declineFriendRequest": {"id": made.id("request")},
        "cancelFriendRequest": {"userId": made.id("asked")},
        "removeFriend": {"userId": friend},
        "blockUser": {"userId": made.id("stranger")},
        "unblockUser": {"userId": made.id("blocked")},
        "muteUser": {"userId": made.id("stranger")},
        "unmuteUser": {"userId": made.id("muted")},
        "sendMessage": {"content": "Good evening.", "userId": friend},
        "readConversation": {"userId": friend},
        "takeMessageBack": {"id": made.id("message")},
        "sendTyping": {"userId": friend, "isTyping": True},
        "requestPostUpload": {"mediaType": "image/png", "bytes": 10},
        "createPost": {"content": "It snows.", "parentId": post},
        "editPost": {"id": made.id("post"), "content": "It snows."},
        "deletePost": {"id": made.id("post")},
        "likePost": {"id": post},
        "unlikePost": {"id": post},
        "sharePost": {"id": post},
        "unsharePost": {"id": post},
        "report": {"id": made.id("stranger"), "reason": "SPAM", "comment": "Spam."},
        "resolveReport": {"id": made.id("report"), "action": "DISMISS", "resolution": "It is none."},
    }
