"""GraphQL types for posts."""

import strawberry
from strawberry import auto

from app.models import social as social_tables
from app.models.kinds.system import SystemRateLimit
from app.services.social.posts.pictures import PictureSize
from resolvers.enums import show_enum
from resolvers.social import posts as resolve
from resolvers.system import nodes
from schema.accounts import User
from schema.fields import Connection, computed, field, many, mutation, one
from schema.files import UploadLink
from schema.problems import InvalidInput, Unavailable
from schema.row import Row, shows
from schema.social.subjects import Subject

for enum in (social_tables.PostType, PictureSize):
    show_enum(enum)


@shows(resolve.PostMedia)
class PostMedia:
    url: str = field(resolve.picture_url)
    alt_text: str | None = strawberry.field(description="Alt text for people who cannot see the picture.")
    width: int | None = strawberry.field(description="The width of the large picture in pixels.")
    height: int | None = strawberry.field(description="The height of the large picture in pixels.")


class Post(Row, of=social_tables.Post):
    content: auto
    type: auto
    media_url: auto
    alt_text: auto
    created_at: auto
    edited_at: auto
    deleted_at: auto
    depth: auto
    media: PostMedia | None = field(resolve.media)
    likes_count: auto
    comment_count: auto
    shares_count: auto
    hashtags: list[str] = computed(resolve.hashtags)
    is_liked: bool = computed(resolve.is_liked)
    is_shared: bool = computed(resolve.is_shared)
    about: Subject | None = field(nodes.subject)
    author: User = one(social_tables.Post.author)
    parent: "Post | None" = one(social_tables.Post.parent)
    root: "Post | None" = one(social_tables.Post.root)
    replies: Connection["Post"] = many(social_tables.Post.replies)
    thread: Connection["Post"] = many(social_tables.Post.thread, order=resolve.ThreadOrder)
    likes: Connection["Like"] = many(social_tables.Post.likes)
    mentions: Connection["PostMention"] = many(social_tables.Post.mentions)
    revisions: Connection["PostRevision"] = many(social_tables.Post.revisions)


class Like(Row, of=social_tables.Like):
    created_at: auto
    user: User = one(social_tables.Like.user)
    post: Post = one(social_tables.Like.post)


class PostMention(Row, of=social_tables.PostMention):
    user: User = one(social_tables.PostMention.user)
    post: Post = one(social_tables.PostMention.post)


class PostRevision(Row, of=social_tables.PostRevision):
    content: auto
    created_at: auto
    post: Post = one(social_tables.PostRevision.post)


@shows(resolve.FormerPost)
class FormerPost:
    deleted_id: strawberry.ID = strawberry.field(description="The id it had.")
    post: Post | None = strawberry.field(description="The empty post that stays if it has replies, otherwise null.")


@strawberry.type
class PostsMutation:
    request_post_upload: UploadLink | InvalidInput = mutation(
        resolve.request_post_upload, rate_limit=SystemRateLimit.UPLOADS
    )
    create_post: Post | InvalidInput | Unavailable = mutation(resolve.create_post)
    edit_post: Post | InvalidInput | Unavailable = mutation(resolve.edit_post)
    delete_post: FormerPost = mutation(resolve.delete_post)
    like_post: Post = mutation(resolve.like_post)
    unlike_post: Post = mutation(resolve.unlike_post)
    share_post: Post = mutation(resolve.share_post)
    unshare_post: Post = mutation(resolve.unshare_post)
