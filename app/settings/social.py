"""Friends, messages, posts and reports."""

from pydantic import BaseModel, Field

from app.settings.units import MIB


class SocialSettings(BaseModel):
    """Friends, messages, posts and reports."""

    friend_requests_per_hour_max: int = 50
    friend_requests_pending_max: int = 200
    friend_suggestions_max: int = 50
    kept_away_max: int = 1_000
    mute_hours_max: int = 24 * 365
    reports_per_hour_max: int = 20
    evidence_length_max: int = 6_000
    resolution_length_max: int = 400
    message_length_max: int = 5_000
    messages_per_minute_max: int = 60
    post_length_max: int = 500
    posts_per_minute_max: int = 20
    counters_batch_rows: int = Field(default=1_000, ge=1)
    typing_per_minute_max: int = 60
    searches_per_minute_max: int = 60
    search_length_max: int = 200
    posts_ranked_max: int = 200
    hashtag_uses_counted_max: int = 1_000
    hashtags_popular_max: int = 50
    typing_s: int = 6
    alt_text_length_max: int = 1_000
    picture_bytes_max: int = 10 * MIB
    picture_pixels_max: int = 50_000_000
    hashtags_max: int = 30
    hashtag_length_max: int = 100
    mentions_max: int = 20
