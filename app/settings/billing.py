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
