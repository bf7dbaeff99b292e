"""What the constraints of consulting's tables ask of random rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from app.models.consulting.proposals import ConsultingProposalState
from app.models.consulting.requests import UNDER_CONTRACT, ConsultingState
from tests.plan.fit_billing import any_amount

LONG_AGO, FAR_AHEAD = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
NOBODY = dict.fromkeys(("consultant_user_id", "amount_usd", "delay_days", "contract_start_date_time", "due_at"))
HAD_CONTRACT = (*UNDER_CONTRACT, ConsultingState.FINISHED, ConsultingState.FAILED)


def _fit_requests(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row.update(NOBODY, escrow_account_id=row["id"], is_submitted=False, commission_percentage=Decimal(10))
        row.update(dict.fromkeys(("released_usd", "commission_usd", "refunded_usd"), Decimal(0)))
        if row["state"] in HAD_CONTRACT:
            row |= {"amount_usd": any_amount(random), "delay_days": random.randint(1, 365)}
            row |= {"consultant_user_id": row["user_id"] % 9 + 1, "contract_start_date_time": LONG_AGO}
        if row["state"] in UNDER_CONTRACT:
            # Half of them are over, and nobody has carried it out.
            row["due_at"] = random.choice([LONG_AGO, FAR_AHEAD])
        if row["state"] in (ConsultingState.SUBMITTED, ConsultingState.DISPUTED):
            row["is_submitted"] = row["state"] is ConsultingState.SUBMITTED or random.random() < 0.5


def _fit_proposals(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["delay_days"], row["expires_at"] = random.randint(1, 365), random.choice([LONG_AGO, FAR_AHEAD])
        if row["state"] in (ConsultingProposalState.OPEN, ConsultingProposalState.ACCEPTED) and random.random() < 0.5:
            row["state"] = ConsultingProposalState.DECLINED
    taken = set()
    for row in rows:
        place = row["request_id"], row["state"] is ConsultingProposalState.ACCEPTED or row["consultant_user_id"]
        if row["state"] in (ConsultingProposalState.OPEN, ConsultingProposalState.ACCEPTED) and place in taken:
            row["state"] = ConsultingProposalState.WITHDRAWN
        taken.add(place)


def _fit_files(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"storage_key": f"consulting/{row['id']}", "size_bytes": random.choice([1, 16 * 1_024 * 1_024])}


FIT: dict[str, Callable[[Random, list[dict[str, Any]]], None]] = {
    "consulting_requests": _fit_requests,
    "consulting_proposals": _fit_proposals,
    "consulting_files": _fit_files,
}
