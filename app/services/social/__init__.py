"""What people say to each other, who is whose friend, and how people keep away from each other."""

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

__all__ = [
    "Asked",
    "FriendSuggestion",
    "FriendshipChange",
    "accept_friend_request",
    "block_user",
    "cancel_friend_request",
    "decline_friend_request",
    "friendships_topic",
    "mute_user",
    "pace_friend_requests",
    "remove_friend",
    "send_friend_request",
    "suggest_friends",
    "unblock_user",
    "unmute_user",
]
