"""What people say to each other, who is whose friend, and how people keep away from each other."""

from app.services.social.counters import Repair, repair_counters
from app.services.social.feed import FeedScope, PopularHashtag, find_hearers, find_popular_hashtags, find_said
from app.services.social.friends import (
    Asked,
    FriendshipChange,
    FriendSuggestion,
    accept_friend_request,
    cancel_friend_request,
    decline_friend_request,
    friendships_topic,
    pace_friend_requests,
    remove_friend,
    send_friend_request,
    suggest_friends,
)
from app.services.social.keeping_away import block_user, mute_user, unblock_user, unmute_user
from app.services.social.likes import like_post, share_post, unlike_post, unshare_post
from app.services.social.messages import (
    find_reader,
    messages_topic,
    pace_messages,
    pace_typing,
    read_conversation,
    send_message,
    take_message_back,
    tell_typing,
    told_of_typing,
    typing_topic,
)
from app.services.social.pictures import PictureSize, drawn_picture, evidence_url, picture_url, post_upload_link
from app.services.social.posts import POSTS_TOPIC, PostChange, create_post, edit_post, pace_posts
from app.services.social.removal import delete_post, remove_posts
from app.services.social.reports import pace_reports, report, resolve_report
from app.services.social.searching import Mark, PostMatch, TextPart, pace_searches, search_posts
from app.services.social.words import hashtags

__all__ = [
    "POSTS_TOPIC",
    "Asked",
    "FeedScope",
    "FriendSuggestion",
    "FriendshipChange",
    "Mark",
    "PictureSize",
    "PopularHashtag",
    "PostChange",
    "PostMatch",
    "Repair",
    "TextPart",
    "accept_friend_request",
    "block_user",
    "cancel_friend_request",
    "create_post",
    "decline_friend_request",
    "delete_post",
    "drawn_picture",
    "edit_post",
    "evidence_url",
    "find_hearers",
    "find_popular_hashtags",
    "find_reader",
    "find_said",
    "friendships_topic",
    "hashtags",
    "like_post",
    "messages_topic",
    "mute_user",
    "pace_friend_requests",
    "pace_messages",
    "pace_posts",
    "pace_reports",
    "pace_searches",
    "pace_typing",
    "picture_url",
    "post_upload_link",
    "read_conversation",
    "remove_friend",
    "remove_posts",
    "repair_counters",
    "report",
    "resolve_report",
    "search_posts",
    "send_friend_request",
    "send_message",
    "share_post",
    "suggest_friends",
    "take_message_back",
    "tell_typing",
    "told_of_typing",
    "typing_topic",
    "unblock_user",
    "unlike_post",
    "unmute_user",
    "unshare_post",
]
