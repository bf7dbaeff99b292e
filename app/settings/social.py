"""Friends, messages, posts and reports."""

from pydantic import BaseModel, Field

from app.settings.kinds import Bytes, Count, CountOrNone, WholeDuration
from app.settings.units import MIB


class SocialSettings(BaseModel):
    """Friends, messages, posts and reports."""

    friend_requests_per_hour_max: Count = Field(default=50, description="Friend requests of a person in an hour.")
    friend_requests_pending_max: Count = Field(default=200, description="Open friend requests of a person.")
    friend_suggestions_max: Count = Field(default=50, description="Suggested friends in one query.")
    kept_away_max: Count = Field(default=1_000, description="People that one person may block, and may mute.")
    mute_hours_max: int = Field(default=24 * 365, ge=1, le=87_600, description="Hours that a mute may last.")
    reports_per_hour_max: Count = Field(default=20, description="Reports of a person in an hour.")
    messages_per_minute_max: Count = Field(default=60, description="Messages of a person in a minute.")
    posts_per_minute_max: Count = Field(default=20, description="Posts of a person in a minute.")
    counters_batch_rows: Count = Field(default=1_000, description="Rows that `fieldgraph counters` compares at once.")
    typing_per_minute_max: Count = Field(default=60, description="Signs of typing of a person in a minute.")
    searches_per_minute_max: Count = Field(
        default=60, description="Searches for posts or people of a person in a minute."
    )
    search_length_max: int = Field(default=200, ge=1, le=5_000, description="Characters of a search for posts.")
    posts_ranked_max: Count = Field(default=200, description="Newest matches of a search that are ranked.")
    hashtag_uses_counted_max: Count = Field(
        default=1_000, description="Latest uses of hashtags that popularity is counted from."
    )
    hashtags_popular_max: Count = Field(default=50, description="Popular hashtags in one query.")
    typing_s: WholeDuration = Field(default=6, description="How long a sign of typing is shown.")
    picture_bytes_max: Bytes = Field(default=10 * MIB, description="Bytes of the picture of a post.")
    picture_pixels_max: Count = Field(default=50_000_000, description="Pixels of the picture of a post.")
    hashtags_max: CountOrNone = Field(default=30, description="Hashtags of a post that are counted.")
    mentions_max: CountOrNone = Field(default=20, description="People that a post can mention.")
