"""Fields that this domain adds to the types of lower domains."""

from app.models.social import USER_FRIENDSHIPS, USER_LIKES, USER_POSTS, USER_RECEIVED_REQUESTS, USER_SENT_REQUESTS
from resolvers.social.friends import is_friend, is_muted
from schema.accounts.users import User
from schema.fields import Connection, computed, many
from schema.row import adds_fields
from schema.social.friends import FriendRequest, Friendship
from schema.social.posts import Like, Post
from schema.social.subjects import SUBJECTS


@adds_fields(User)
class SocialOfUser:
    posts: Connection[Post] = many(USER_POSTS)
    likes: Connection[Like] = many(USER_LIKES)
    friendships: Connection[Friendship] = many(USER_FRIENDSHIPS)
    sent_requests: Connection[FriendRequest] = many(USER_SENT_REQUESTS)
    received_requests: Connection[FriendRequest] = many(USER_RECEIVED_REQUESTS)
    is_friend: bool = computed(is_friend)
    is_muted: bool = computed(is_muted)


for subject, table in SUBJECTS.items():

    @adds_fields(subject)
    class SocialOfSubject:
        posts: Connection[Post] = many(table.posts)
