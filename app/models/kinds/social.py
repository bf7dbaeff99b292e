"""Jobs of posts, and notifications about what other users do."""

from app.models.kinds import Audience, JobKind, Lane, NotificationKind, Trait, WebhookTopic


class SocialJob(JobKind):
    """The jobs of this domain.

    REMOVE_PICTURE: Removes the files of a deleted picture.
    """

    REMOVE_PICTURE = "REMOVE_PICTURE", Lane.QUICK, Trait.NOT_LIMITED, Trait.PRUNED, Trait.OUTLIVES_ACCOUNT


class SocialNotification(NotificationKind):
    """Notifications about other users and about decisions of staff.

    REPLY: Somebody replied to a post of the user.
    MENTION: Somebody mentioned the user.
    LIKE: Somebody likes a post of the user.
    SHARE: Somebody shared a post of the user.
    FRIEND_REQUEST: Somebody sent a friend request.
    FRIENDSHIP: Somebody accepted a friend request.
    MESSAGE: Somebody sent a message.
    MODERATION: Staff decided about the user's content or a report.
    """

    REPLY = "REPLY", "replied to your post.", "replied to your post."
    MENTION = "MENTION", "mentioned you.", "mentioned you."
    LIKE = "LIKE", "likes your post.", "like your post."
    SHARE = "SHARE", "shared your post.", "shared your post."
    FRIEND_REQUEST = "FRIEND_REQUEST", "sent you a friend request.", "sent you friend requests."
    FRIENDSHIP = "FRIENDSHIP", "is now your friend.", "are now your friends."
    MESSAGE = "MESSAGE", "sent you a message.", "sent you messages."
    MODERATION = "MODERATION", "", "", False


class SocialTopic(WebhookTopic):
    """The subscriptions of this domain whose events are stored; `typing` lasts seconds and is sent to sockets only.

    MESSAGE_RECEIVED: Messages to or from the account.
    FRIENDSHIP_CHANGED: Changes to the account's friends and friend requests.
    FEED_UPDATED: Posts in the account's feed.
    """

    MESSAGE_RECEIVED = "MESSAGE_RECEIVED", "messages", Audience.ACCOUNT
    FRIENDSHIP_CHANGED = "FRIENDSHIP_CHANGED", "friendships", Audience.ACCOUNT
    FEED_UPDATED = "FEED_UPDATED", "posts", Audience.EVERYONE
