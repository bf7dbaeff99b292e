"""What the constraints of money's tables ask of random rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from app.models.billing.adjustments import AdjustmentState
from app.models.billing.ledger import AccountKind, Currency, OperationCause
from app.models.billing.reservations import ReservationState
from app.models.billing.top_ups import TopUpState

AMOUNTS = [Decimal("0.00000001"), Decimal(1), Decimal("99999999999.99999999"), Decimal("12.50000000")]
SUBJECTS = ["Training", "Prediction", "Nothing", None]


def any_amount(random: Random) -> Decimal:
    return random.choice(AMOUNTS)


def _fit_ledger_accounts(random: Random, rows: list[dict[str, Any]]) -> None:
    for number, row in enumerate(rows):
        is_theirs = row["user_id"] is not None
        row |= {"kind": AccountKind.GRANT if is_theirs else AccountKind.REVENUE, "stripe": number}
        row["balance"] = abs(row["balance"])
        if row["kind"] is AccountKind.GRANT and row["currency"] is Currency.USD:
            row["currency"] = Currency.EAML


def _fit_operations(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"uuid": UUID(int=random.getrandbits(128), version=4), "job_key": row["id"]}
        # Half of them reverse the one before.
        row["reverses_id"] = row["id"] - 1 if random.random() < 0.5 else None
        row |= {name: random.choice([None, 0, 2**31 - 1]) for name in ("count_of_lines", "count_of_training_epoch")}
        row |= {"subject_type": random.choice(SUBJECTS), "subject_key": random.choice([None, *range(1, 20)])}


def _fit_ledger_entries(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["position"] = row["id"]
        row["change"] = random.choice([-1, 1]) * any_amount(random)
        row["currency"] = random.choice(list(Currency))


def _fit_reservations(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"posted": Decimal(0), "operation_id": None, "job_key": row["id"], "state": ReservationState.HELD}
        row |= {"currency": Currency.USD if row["payee_id"] else Currency.EAML, "commission": Decimal(0)}
        row |= {"subject_type": random.choice(SUBJECTS), "subject_key": random.choice([None, *range(1, 20)])}


def _fit_grants(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["coupon_code_id"] = None
        row |= {"account_id": row["id"], "currency": random.choice([Currency.EAML, Currency.COUPON])}
        row |= {"priority": random.randint(1, 50), "pays_for": random.choice([None, [OperationCause.TRAINING]])}
        row["starts_at"] = datetime(2020, 1, 1, tzinfo=UTC)
        row["expires_at"] = random.choice([None, datetime(2021, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)])


def _fit_coupon_codes(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"coupon_code": f"WELCOME{row['id']}", "priority": random.randint(1, 50), "uses": 1, "uses_max": 2}


def _fit_adjustments(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"state": AdjustmentState.PROPOSED, "decided_by_id": None, "operation_id": None}
        row |= {"change": random.choice([-1, 1]) * any_amount(random), "currency": random.choice(list(Currency)[:2])}


def _fit_reversals(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    for row in rows:
        row |= {"state": AdjustmentState.REJECTED, "decided_by_id": row["proposed_by_id"], "operation_id": None}


def _fit_top_ups(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"provider_key": str(row["id"]), "checkout_url": random.choice([None, "https://example.org/pay"])}
        if row["is_automatic"]:
            row["state"] = TopUpState.PAID  # one of a user may be under way


def _fit_automatic_top_ups(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"below_usd": 1, "usd": random.randint(1, 5), "month_usd_max": 5, "failures_count": random.randint(0, 3)}


def _fit_forgotten_cards(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    for row in rows:
        row["customer_key"] = str(row["id"])


def _fit_payment_events(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    for row in rows:
        row["event_key"] = str(row["id"])


FIT: dict[str, Callable[[Random, list[dict[str, Any]]], None]] = {
    "ledger_accounts": _fit_ledger_accounts,
    "operations": _fit_operations,
    "ledger_entries": _fit_ledger_entries,
    "reservations": _fit_reservations,
    "grants": _fit_grants,
    "coupon_codes": _fit_coupon_codes,
    "adjustments": _fit_adjustments,
    "reversals": _fit_reversals,
    "top_ups": _fit_top_ups,
    "automatic_top_ups": _fit_automatic_top_ups,
    "payment_events": _fit_payment_events,
    "forgotten_cards": _fit_forgotten_cards,
}
