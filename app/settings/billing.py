"""Prices and limits of money."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

Price = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=15, decimal_places=8, allow_inf_nan=False)]


class BillingSettings(BaseModel):
    """Prices and limits of money."""

    token_price_usd: Annotated[Decimal, Field(gt=0, le=1_000_000, max_digits=15, decimal_places=8)] = Field(
        default=Decimal(1), description="US dollars for one EAML token."
    )
    training_price_tokens: Price = Field(
        default=Decimal(0), description="Tokens for one epoch of a training over one tile of imagery."
    )
    prediction_price_tokens: Price = Field(default=Decimal(0), description="Tokens for one tile of a prediction.")
    ai_job_price_tokens: Price = Field(
        default=Decimal(0), description="Tokens for one medium that a local AI provider looks at."
    )
    reservation_hours: Annotated[int, Field(ge=1, le=8_760)] = Field(
        default=72, description="Hours that money is held for a job; those of jobs at work last."
    )
