"""Prices and limits of money."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from app.settings.kinds import Count

Price = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=15, decimal_places=8, allow_inf_nan=False)]

Factor = Annotated[Decimal, Field(ge=0, le=1_000, max_digits=7, decimal_places=4, allow_inf_nan=False)]


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
    species_training_price_tokens: Price = Field(
        default=Decimal(0), description="Tokens for one medium that a species classifier learns from."
    )
    machine_training_price_tokens: Price = Field(
        default=Decimal(0), description="Tokens for one column of one line that a machine of level 1 learns from."
    )
    machine_solving_price_tokens: Price = Field(
        default=Decimal(0), description="Tokens for one column of one line that a machine of level 1 solves."
    )
    line_storage_price_tokens: Price = Field(
        default=Decimal(0), description="Tokens for keeping one line of a machine for one day."
    )
    level_2_price_factor: Factor = Field(default=Decimal(2), description="What level 2 costs, as times of level 1.")
    level_3_price_factor: Factor = Field(default=Decimal(4), description="What level 3 costs, as times of level 1.")
    level_4_price_factor: Factor = Field(default=Decimal(8), description="What level 4 costs, as times of level 1.")
    level_5_price_factor: Factor = Field(default=Decimal(16), description="What level 5 costs, as times of level 1.")
    market_commission_percentage: Annotated[
        Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4, allow_inf_nan=False)
    ] = Field(default=Decimal(10), description="How much of a hundred of a price in the market the platform keeps.")
    market_price_usd_min: Annotated[
        Decimal, Field(ge=0, le=1_000, max_digits=12, decimal_places=8, allow_inf_nan=False)
    ] = Field(
        default=Decimal("0.0001"), description="The lowest price in the market in US dollars; what is free costs 0."
    )
    coupon_tries_per_hour_max: Count = Field(
        default=10, description="Coupon codes that an account may try in an hour, whether they exist or not."
    )
    top_ups_per_hour_max: Count = Field(default=20, description="Top-ups by card that an account may begin in an hour.")
    top_up_usd_max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=5_000, description="US dollars of one top-up by card."
    )
    automatic_top_up_tries_max: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="Failed tries after which an automatic top-up is switched off."
    )
    automatic_top_up_pause_s: Annotated[int, Field(ge=60, le=36_000)] = Field(
        default=3_600, description="Seconds until an automatic top-up that failed is tried again."
    )
    stripe_secret_key: SecretStr = Field(
        default=SecretStr(""), description="The secret key of Stripe; without it, only staff top up balances."
    )
    stripe_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="What Stripe signs events with that it sends to `/payments/stripe`."
    )
    stripe_url: str = Field(default="https://api.stripe.com", description="Where Stripe answers.")
    stripe_s_max: Annotated[float, Field(gt=0, le=120)] = Field(
        default=20, description="Seconds for one request to Stripe."
    )
    stripe_event_age_s_max: Annotated[int, Field(ge=10, le=3_600)] = Field(
        default=300, description="Seconds after which a signed event is refused."
    )
    statement_lines_max: Annotated[int, Field(ge=10, le=100_000)] = Field(
        default=10_000, description="Lines of one statement."
    )
    invoice_issuer: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        default="Fieldgraph", description="Who issues invoices."
    )
    reservation_hours: Annotated[int, Field(ge=1, le=8_760)] = Field(
        default=72, description="Hours that money is held for a job; those of jobs at work last."
    )
