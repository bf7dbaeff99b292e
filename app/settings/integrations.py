"""Webhooks and bulk queries."""

from pydantic import BaseModel, Field

from app.settings.kinds import Bytes, Count, Days, Duration, Pause
from app.settings.units import MIB


class IntegrationsSettings(BaseModel):
    """Webhooks and bulk queries."""

    webhooks_per_account_max: Count = Field(default=10, description="Webhooks of an account.")
    webhooks_per_hour_max: Count = Field(default=30, description="Webhooks that an account may create in an hour.")
    webhook_tests_per_hour_max: Count = Field(
        default=60, description="Tests and repeated deliveries of webhooks that an account may ask for in an hour."
    )
    webhook_s_max: Duration = Field(default=10, description="Time for the answer of a webhook's receiver.")
    webhook_pass_s_max: Duration = Field(
        default=20, description="How long a job sends to one webhook before others have their turn."
    )
    webhook_pause_s: Duration = Field(default=5, description="Shortest pause of a webhook whose receiver fails.")
    webhook_pause_s_max: Duration = Field(default=3_600, description="Longest pause of a webhook whose receiver fails.")
    webhook_failing_days_max: Days = Field(
        default=3, description="Days of failure after which a delivery is given up and its webhook disabled."
    )
    webhook_pending_max: Count = Field(
        default=10_000, description="Events that may wait for one webhook; with more it is disabled."
    )
    webhook_secret_overlap_hours: Pause = Field(
        default=24, description="Hours that the secret before still signs after it was replaced."
    )
    webhook_deliveries_kept_days: Days = Field(default=14, description="Days that deliveries of webhooks are kept.")
    bulk_queries_per_hour_max: Count = Field(
        default=20, description="Bulk queries that an account may start in an hour."
    )
    bulk_turn_s_max: Duration = Field(
        default=20, description="How long a bulk query reads before others have their turn."
    )
    bulk_part_bytes_max: Bytes = Field(default=64 * MIB, description="Bytes that a bulk query reads in one turn.")
    bulk_queries_kept_days: Days = Field(default=3, description="Days that results of bulk queries are kept.")
