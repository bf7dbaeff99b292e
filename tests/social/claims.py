"""What holds of what people say to each other at every moment: each claim with the rows that would break it."""

import psycopg

CLAIMS = {
    "Friendships come in pairs.": """
        SELECT user_id, friend_id FROM friendships AS one WHERE NOT EXISTS (
            SELECT FROM friendships WHERE user_id = one.friend_id AND friend_id = one.user_id)""",
    "Two people have one request between them.": """
        SELECT least(from_user_id, to_user_id), greatest(from_user_id, to_user_id) FROM friend_requests
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "Friends ask each other nothing.": """
        SELECT from_user_id, to_user_id FROM friend_requests
        JOIN friendships ON (user_id, friend_id) = (from_user_id, to_user_id)""",
    "The blocked are no friends.": """
        SELECT user_id, blocked_id FROM blocks JOIN friendships USING (user_id) WHERE friend_id = blocked_id""",
    "The blocked ask nothing, and are not asked.": """
        SELECT user_id, blocked_id FROM blocks JOIN friend_requests
        ON (from_user_id, to_user_id) IN ((user_id, blocked_id), (blocked_id, user_id))""",
    "Nobody is their own friend, asks, blocks or mutes themselves.": """
        SELECT user_id FROM friendships WHERE user_id = friend_id
        UNION ALL SELECT from_user_id FROM friend_requests WHERE from_user_id = to_user_id
        UNION ALL SELECT user_id FROM blocks WHERE user_id = blocked_id
        UNION ALL SELECT user_id FROM mutes WHERE user_id = muted_id""",
    "A post's counts are its likes, its replies that are not deleted, and its shares.": """
        SELECT id, likes_count, comment_count, shares_count FROM posts AS post
        WHERE (likes_count, comment_count, shares_count) IS DISTINCT FROM (
            (SELECT count(*) FROM likes WHERE post_id = post.id),
            (SELECT count(*) FROM posts WHERE parent_id = post.id AND deleted_at IS NULL),
            (SELECT count(*) FROM shares WHERE post_id = post.id))""",
    "Everybody's conversations end with what was said last, and count what they have not read.": """
        SELECT * FROM (
            SELECT user_id, other_id, max(id) AS last_message_id, count(*) FILTER (WHERE is_unread) AS unread_count
            FROM (
                SELECT sender_id AS user_id, receiver_id AS other_id, id, false AS is_unread FROM messages
                UNION ALL SELECT receiver_id, sender_id, id, NOT is_read FROM messages
            ) AS sides GROUP BY user_id, other_id
        ) AS said FULL JOIN conversations USING (user_id, other_id, last_message_id, unread_count)
        WHERE said.last_message_id IS NULL OR conversations.id IS NULL""",
    "What is read has a time of reading.": """
        SELECT id FROM messages WHERE sender_id <> receiver_id AND is_read <> (read_at IS NOT NULL)""",
    "Nothing is left of the words of what was taken back or deleted.": """
        SELECT id FROM messages WHERE deleted_at IS NOT NULL AND content <> ''
        UNION ALL SELECT id FROM posts WHERE deleted_at IS NOT NULL AND content <> ''""",
    "Of what was deleted there is left what others replied to, and nothing beside it.": """
        SELECT id FROM posts AS post WHERE deleted_at IS NOT NULL AND (
            NOT EXISTS (SELECT FROM posts WHERE parent_id = post.id)
            OR EXISTS (SELECT FROM likes WHERE post_id = post.id)
            OR EXISTS (SELECT FROM shares WHERE post_id = post.id)
            OR EXISTS (SELECT FROM post_mentions WHERE post_id = post.id)
            OR EXISTS (SELECT FROM post_hashtags WHERE post_id = post.id)
            OR EXISTS (SELECT FROM post_revisions WHERE post_id = post.id))""",
}


def broken(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """The claims that do not hold, each with the rows that say so."""
    found = {claim: connection.execute(rows).fetchall() for claim, rows in CLAIMS.items()}
    return {claim: rows for claim, rows in found.items() if rows}
