"""Errors of money alone."""

from decimal import Decimal

from app.errors import DomainError
from app.models.billing.ledger import Currency
from app.models.kinds.billing import BillingErrorCode
from app.services.billing.amounts import written


class InsufficientFunds(DomainError):
    """Less is available than is required; nothing was moved."""

    code = BillingErrorCode.INSUFFICIENT_FUNDS

    def __init__(
        self, *, required: Decimal, available: Decimal, currency: Currency, message: str | None = None
    ) -> None:
        super().__init__(
            message
            or f"This needs {written(required)} {currency.value}, and {written(available)} are available. "
            "Top up, or ask for less.",
            required=written(required),
            available=written(available),
            currency=currency.value,
        )
        self.required = required
        self.available = available
        self.currency = currency


class SpendingLimitReached(InsufficientFunds):
    """The user has set a limit for the month, which leaves less than is required."""

    def __init__(self, *, required: Decimal, available: Decimal, currency: Currency, limit: Decimal) -> None:
        super().__init__(
            required=required,
            available=available,
            currency=currency,
            message=f"This needs {written(required)} {currency.value}, and your limit of {written(limit)} a month "
            f"leaves {written(available)}. Raise it with `updateSpendingRules`, or wait for the next month.",
        )
