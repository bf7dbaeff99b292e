"""Deadlines and limits of consulting."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.kinds import Count, Days


class ConsultingSettings(BaseModel):
    """Deadlines and limits of consulting."""

    consulting_commission_percentage: Annotated[
        Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4, allow_inf_nan=False)
    ] = Field(default=Decimal(10), description="Percent of a consultant's payments that the platform keeps.")
    consulting_proposal_days: Days = Field(default=14, description="Days that a proposal can be accepted.")
    consulting_review_days: Days = Field(
        default=14, description="Days to approve submitted work; then it counts as approved."
    )
    consulting_late_days: Days = Field(
        default=7, description="Days after the agreed end that work can be submitted; then what is held returns."
    )
    consulting_dispute_days: Days = Field(
        default=30, description="Days that staff have to decide a dispute; then it ends as without one."
    )
    consulting_files_max: Count = Field(default=100, description="Files of one consulting request.")
    consulting_changes_per_hour_max: Count = Field(
        default=300, description="Requests, proposals, messages and files of consulting of an account in an hour."
    )
