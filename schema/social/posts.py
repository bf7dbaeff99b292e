"""What clients see of posts."""

import strawberry
from strawberry import auto

from app import models as tables
from app.services.social import PictureSize
from app.services.system import Pace
from resolvers import social as resolve
from resolvers import system
from schema.accounts import User
from schema.fields import Connection, computed, field, many, mutation, one
from schema.files import UploadLink
from schema.problems import InvalidInput, Unavailable
from schema.row import Row, shows
from schema.social.subjects import Subject

for enum in (tables.PostType, PictureSize):
    strawberry.enum(enum, description=enum.__doc__)


@shows(resolve.PostMedia)
class PostMedia:
    url: str = field(resolve.picture_url)
    alt_text: str | None = strawberry.field(description="What is seen on it, for who cannot see.")
    width: int | None = strawberry.field(description="How many pixels wide the large one is.")
    height: int | None = strawberry.field(description="How many pixels high the large one is.")


class Post(Row, of=tables.Post):
    content: auto
    type: auto
    media_url: auto
    alt_text: auto
    created_at: auto
    edited_at: auto
    deleted_at: auto
    media: PostMedia | None = field(resolve.media)
    likes_count: auto
    comment_count: auto
    shares_count: auto
    hashtags: list[str] = computed(resolve.hashtags)
    is_liked: bool = computed(resolve.is_liked)
    is_shared: bool = computed(resolve.is_shared)
    about: Subject | None = field(system.subject)
    author: User = one(tables.Post.author)
    parent: "Post | None" = one(tables.Post.parent)
    replies: Connection["Post"] = many(tables.Post.replies)
    likes: Connection["Like"] = many(tables.Post.likes)
    mentions: Connection["PostMention"] = many(tables.Post.mentions)
    revisions: Connection["PostRevision"] = many(tables.Post.revisions)


class Like(Row, of=tables.Like):
    created_at: auto
    user: User = one(tables.Like.user)
    post: Post = one(tables.Like.post)


class PostMention(Row, of=tables.PostMention):
    user: User = one(tables.PostMention.user)
    post: Post = one(tables.PostMention.post)


class PostRevision(Row, of=tables.PostRevision):
    content: auto
    created_at: auto
    post: Post = one(tables.PostRevision.post)


@shows(resolve.FormerPost)
class FormerPost:
    deleted_id: strawberry.ID = strawberry.field(description="The id it had.")
    post: Post | None = strawberry.field(description="What is left of it; null unless it has replies.")


@strawberry.type
class PostsMutation:
    request_post_upload: UploadLink | InvalidInput = mutation(resolve.request_post_upload, pace=Pace.UPLOADS)
    create_post: Post | InvalidInput | Unavailable = mutation(resolve.create_post)
    edit_post: Post | InvalidInput | Unavailable = mutation(resolve.edit_post)
    delete_post: FormerPost = mutation(resolve.delete_post)
    like_post: Post = mutation(resolve.like_post)
    unlike_post: Post = mutation(resolve.unlike_post)
    share_post: Post = mutation(resolve.share_post)
    unshare_post: Post = mutation(resolve.unshare_post)
