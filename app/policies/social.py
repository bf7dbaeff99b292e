"""Who may see and change posts, messages and relations."""

from sqlalchemy import ColumnElement, SQLColumnExpression, exists, false, func, or_, true
from sqlalchemy.orm import aliased

from app.models.reports import Report
from app.models.social import (
    Block,
    Conversation,
    FriendRequest,
    Friendship,
    Like,
    Message,
    Mute,
    Post,
    PostHashtag,
    PostMention,
    PostRevision,
    Share,
)
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads
from app.policies.accounts import is_blocked, visible_users

_MUTE, _FRIENDSHIP = aliased(Mute), aliased(Friendship)
_DEED: dict[type[Like | Share], type[Like | Share]] = {deed: aliased(deed) for deed in (Like, Share)}


@reads(Post)
def visible_posts(viewer: AnyViewer) -> ColumnElement[bool]:
    """Posts whose author the viewer sees, including empty ones of deleted posts."""
    return true() if viewer.is_staff else Post.author.has(visible_users(viewer))


@reads(PostRevision)
def visible_post_revisions(viewer: AnyViewer) -> ColumnElement[bool]:
    """Revisions of visible posts that are not deleted; staff see all of them."""
    return true() if viewer.is_staff else PostRevision.post.has(visible_posts(viewer) & Post.deleted_at.is_(None))


@reads(Like)
def visible_likes(viewer: AnyViewer) -> ColumnElement[bool]:
    """Likes of users the viewer sees, on posts the viewer sees."""
    return true() if viewer.is_staff else Like.user.has(visible_users(viewer)) & Like.post.has(visible_posts(viewer))


@reads(Friendship)
def visible_friendships(viewer: AnyViewer) -> ColumnElement[bool]:
    """Friendships between users the viewer sees."""
    if viewer.is_staff:
        return true()
    return Friendship.user.has(visible_users(viewer)) & Friendship.friend.has(visible_users(viewer))


@reads(FriendRequest)
def visible_friend_requests(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own, sent or received, with users the viewer sees."""
    sent = names_viewer(viewer, FriendRequest.from_user_id) & FriendRequest.to_user.has(visible_users(viewer))
    received = names_viewer(viewer, FriendRequest.to_user_id) & FriendRequest.from_user.has(visible_users(viewer))
    return or_(sent, received)


@reads(Message)
def visible_messages(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own, sent or received, with users the viewer sees; staff see no others."""
    sent = names_viewer(viewer, Message.sender_id) & Message.receiver.has(visible_users(viewer))
    received = names_viewer(viewer, Message.receiver_id) & Message.sender.has(visible_users(viewer))
    return or_(sent, received)


@reads(Conversation)
def visible_conversations(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own with users the viewer sees."""
    return names_viewer(viewer, Conversation.user_id) & Conversation.other.has(visible_users(viewer))


@reads(Block)
def visible_blocks(viewer: AnyViewer) -> ColumnElement[bool]:
    """Blocks the viewer made. Nobody learns that they are blocked."""
    return names_viewer(viewer, Block.user_id)


@reads(Mute)
def visible_mutes(viewer: AnyViewer) -> ColumnElement[bool]:
    """Mutes the viewer made."""
    return names_viewer(viewer, Mute.user_id)


@reads(Report)
def visible_reports(viewer: AnyViewer) -> ColumnElement[bool]:
    """Reports the viewer made; for staff all but those about themselves, so that nobody learns who reported them."""
    if viewer.is_staff:
        return ~names_viewer(viewer, Report.accused_id)
    return names_viewer(viewer, Report.user_id)


@reads(PostMention)
def visible_post_mentions(viewer: AnyViewer) -> ColumnElement[bool]:
    """Mentions of users the viewer sees, in posts the viewer sees."""
    if viewer.is_staff:
        return true()
    return PostMention.user.has(visible_users(viewer)) & PostMention.post.has(visible_posts(viewer))


@reads(PostHashtag, Share)
def visible_to_no_list(viewer: AnyViewer) -> ColumnElement[bool]:
    """Not shown as rows: used for search and counts."""
    del viewer
    return false()


def is_kept_from(viewer: AnyViewer, user_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether notifications about the user in a column are suppressed: blocked either way, or muted."""
    return is_blocked(viewer, user_id) | is_muted(viewer, user_id)


def is_muted(viewer: AnyViewer, user_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether the viewer currently mutes the user in a column."""
    if not viewer.is_signed_in:
        return false()
    holds = or_(_MUTE.expires_at.is_(None), _MUTE.expires_at > func.now())
    mute = exists().where(names_viewer(viewer, _MUTE.user_id), _MUTE.muted_id == user_id, holds)
    return mute.correlate_except(_MUTE)


def is_friend(viewer: AnyViewer, user_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether the user in a column is the viewer's friend."""
    if not viewer.is_signed_in:
        return false()
    friendship = exists().where(names_viewer(viewer, _FRIENDSHIP.user_id), _FRIENDSHIP.friend_id == user_id)
    return friendship.correlate_except(_FRIENDSHIP)


def did_this(viewer: AnyViewer, deed: type[Like | Share]) -> ColumnElement[bool]:
    """Whether the viewer likes, or has shared, a post."""
    if not viewer.is_signed_in:
        return false()
    own = _DEED[deed]
    return exists().where(names_viewer(viewer, own.user_id), own.post_id == Post.id).correlate_except(own)


def may_answer_this_friend_request(viewer: Viewer, request: FriendRequest) -> bool:
    """For the receiver only, even for staff."""
    return is_viewer(viewer, request.to_user_id)


def may_take_this_message_back(viewer: Viewer, message: Message) -> bool:
    """For the sender."""
    return is_viewer(viewer, message.sender_id)


def may_change_this_post(viewer: Viewer, post: Post) -> bool:
    """For the author only."""
    return is_viewer(viewer, post.author_id)


def may_delete_this_post(viewer: Viewer, post: Post) -> bool:
    """For the author and staff."""
    return viewer.is_staff or may_change_this_post(viewer, post)


def may_decide_on_reports(viewer: Viewer, report: Report) -> bool:
    """For staff."""
    del report
    return viewer.is_staff
