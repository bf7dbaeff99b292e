"""What clients see of posts."""

import strawberry
from strawberry import auto

from app import models as tables
from resolvers import social as resolve
from schema.accounts import User
from schema.fields import Connection, many, mutation, one
from schema.problems import InvalidInput
from schema.row import Row

strawberry.enum(tables.PostType, description=tables.PostType.__doc__)


class Post(Row, of=tables.Post):
    content: auto
    type: auto
    media_url: auto
    created_at: auto
    edited_at: auto
    deleted_at: auto
    likes_count: auto
    comment_count: auto
    shares_count: auto
    author: User = one(tables.Post.author)
    parent: "Post | None" = one(tables.Post.parent)
    replies: Connection["Post"] = many(tables.Post.replies)


@strawberry.type
class PostsMutation:
    create_post: Post | InvalidInput = mutation(resolve.create_post)
    like_post: Post = mutation(resolve.like_post)
    unlike_post: Post = mutation(resolve.unlike_post)
